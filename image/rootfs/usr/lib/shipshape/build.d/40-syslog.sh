# The log daemon of the init, which /etc/shipshape/logd.conf switches on. DISABLE_SYSLOG=1 leaves it out.

[ "${DISABLE_SYSLOG-0}" = 1 ] || /usr/lib/shipshape/provide shipshape-syslog system-log-daemon
