# VARIANT=full: what the original image has, of itself or of Ubuntu, and old Dockerfiles call without installing it.

case $VARIANT in
full) ;;
small) exit ;;
*) echo "cannot build the variant '$VARIANT': it is full or small" >&2 && exit 1 ;;
esac
install_clean adduser apt-utils ca-certificates curl dirmngr gpg gpg-agent less locales logrotate lsb-release procps psmisc python3 vim-tiny
ln -s vim.tiny /usr/bin/vim
