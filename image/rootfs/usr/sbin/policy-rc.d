#!/bin/sh
# Asked by invoke-rc.d. A package's scripts start nothing (101): in this image my_init starts services. What runs may be told to open
# its logs anew, as files of packages in /etc/logrotate.d do: otherwise it would write to the file that was moved, for ever.
[ -z "${DPKG_MAINTSCRIPT_NAME-}" ] || exit 101
case ${2-} in
reload | rotate | reopen-logs) exit 0 ;;
esac
exit 101
