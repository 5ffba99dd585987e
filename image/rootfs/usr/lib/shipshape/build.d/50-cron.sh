# cron of the same binary, a service. DISABLE_CRON=1 leaves it out.

# apt's daily job would sleep up to half an hour, and then do nothing.
echo 'APT::Periodic::Enable "0";' >/etc/apt/apt.conf.d/90shipshape

[ "${DISABLE_CRON-0}" != 1 ] || exit 0
install -d /etc/cron.d /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly
# Users' tables, as Debian's package has the place: Dockerfiles copy files there.
getent group crontab >/dev/null || groupadd --system crontab
install -d -m 1730 -g crontab /var/spool/cron/crontabs
# Without this `install_clean logrotate` brings Debian's cron, and all of systemd.
/usr/lib/shipshape/provide shipshape-cron cron-daemon 'cron, cron-daemon-common' /etc/crontab /etc/init.d/cron
