# Makes apt safe in a container. policy-rc.d, initctl and ischroot come with rootfs/; a diversion keeps each of them when a
# package brings the same file. sv and chpst are diverted too: `install_clean runit` adds svlogd without replacing ours.

for file in /sbin/initctl /usr/bin/ischroot /usr/bin/sv /usr/bin/chpst; do
	dpkg-divert --quiet --local --no-rename --divert "$file.distrib" --add "$file"
done
