# cron of the same binary, a service. DISABLE_CRON=1 leaves it out.

# Debian's own daily jobs, for apt on a desktop and copies of dpkg's lists: of no use in a container.
rm -f /etc/cron.daily/apt-compat /etc/cron.daily/dpkg

if [ "${DISABLE_CRON-0}" = 1 ]; then
	rm -r /etc/service/cron /usr/sbin/cron /usr/bin/crontab
	exit
fi
install -d /etc/cron.d /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly
# Without this `install_clean logrotate` brings Debian's cron, and all of systemd.
/usr/lib/shipshape/provide shipshape-cron cron-daemon
