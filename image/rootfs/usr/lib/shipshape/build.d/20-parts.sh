# Parts of packages: the locale en_US.UTF-8 of `locales`, svlogd of `runit`. The packages are only unpacked, in a place of their own,
# with lists of their own: 16 MB of them, and whatever else apt writes, never are in the image. The locale is a
# directory and not locale-archive, which `locale-gen` deletes.

work=$(mktemp -d)
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
# apt fetches as the user _apt, who cannot look into a directory of mktemp.
apt="apt-get -q -o Dir::State::Lists=$work/lists -o Dir::Cache=$work/cache -o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::Languages=none"

$apt -o APT::Update::Error-Mode=any update
(cd "$work" && $apt download locales runit && for package in *.deb; do dpkg-deb --extract "$package" parts; done)
I18NPATH=$work/parts/usr/share/i18n localedef --no-archive --no-hard-links -i en_US -f UTF-8 /usr/lib/locale/en_US.utf8
install "$work/parts/usr/bin/svlogd" /usr/bin/svlogd
install -D -m 0644 "$work/parts/usr/share/doc/runit/copyright" /usr/share/doc/svlogd/copyright
rm -r "$work"
