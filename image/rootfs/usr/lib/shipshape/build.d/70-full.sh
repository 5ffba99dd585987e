# VARIANT=full: what the original image has and old Dockerfiles call without installing it.

[ "${VARIANT-small}" = full ] || exit 0
install_clean ca-certificates curl gnupg less locales logrotate psmisc python3 vim-tiny
ln -s vim.tiny /usr/bin/vim
