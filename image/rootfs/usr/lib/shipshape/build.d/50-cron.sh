# cron of the same binary, a service. DISABLE_CRON=1 leaves it out.

# apt's daily job would sleep up to half an hour, and then do nothing.
echo 'APT::Periodic::Enable "0";' >/etc/apt/apt.conf.d/90shipshape

[ "${DISABLE_CRON-0}" != 1 ] || exit 0
install -d /etc/cron.d /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly
# Without this `install_clean logrotate` brings Debian's cron, and all of systemd.
/usr/lib/shipshape/provide shipshape-cron cron-daemon 'cron, cron-daemon-common' /etc/crontab /etc/init.d/cron
