# Compiles the locale en_US.UTF-8. The package `locales` is only unpacked for its sources, in a place of its own, with lists of
# its own: the 16 MB package, and whatever else apt writes, never is in the image. A directory and not locale-archive,
# which `locale-gen` of that package deletes.

work=$(mktemp -d)
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
# apt fetches as the user _apt, who cannot look into a directory of mktemp.
apt="apt-get -q -o Dir::State::Lists=$work/lists -o Dir::Cache=$work/cache -o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::Languages=none"

$apt -o APT::Update::Error-Mode=any update
(cd "$work" && $apt download locales && dpkg-deb --extract locales_*.deb locales)
I18NPATH=$work/locales/usr/share/i18n localedef --no-archive --no-hard-links -i en_US -f UTF-8 /usr/lib/locale/en_US.utf8
rm -r "$work"
