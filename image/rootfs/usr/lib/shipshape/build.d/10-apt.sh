# Makes apt safe in a container. policy-rc.d, initctl and ischroot come with rootfs/; a diversion keeps each of them when a
# package brings the same file. sv and chpst are diverted too: `install_clean runit` replaces none of ours.

for file in /sbin/initctl /usr/bin/ischroot /usr/bin/sv /usr/bin/chpst; do
	dpkg-divert --quiet --local --no-rename --divert "$file.distrib" --add "$file"
done

# What old Dockerfiles call for a language: with-locales installs the package `locales` first, then calls the real one.
for name in locale-gen update-locale dpkg-reconfigure; do
	dpkg-divert --quiet --local --rename --divert "/usr/sbin/$name.distrib" --add "/usr/sbin/$name"
	ln -s ../lib/shipshape/with-locales "/usr/sbin/$name"
done
