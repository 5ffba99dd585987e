# The same input gives the same layer: whatever this build wrote gets the time SOURCE_DATE_EPOCH (seconds since 1970).

rm -f /var/cache/ldconfig/aux-cache
# ucf asks its questions with the name of a temporary file.
sed -i 's#^\( NEW = /tmp/\)tmp\..*#\1file#' /var/cache/debconf/config.dat
# A layer notes a file of the base that is gone with the time of the clock, so none may go: what install_clean takes away comes
# back empty.
install -d -m 0700 -o _apt /var/lib/apt/lists/partial
for file in /var/lib/apt/lists/lock /var/lib/dpkg/status-old /var/lib/dpkg/diversions-old \
	/var/cache/debconf/config.dat-old /var/cache/debconf/templates.dat-old; do
	[ -e "$file" ] || : >"$file"
done
find / -xdev \( -path /proc -o -path /sys -o -path /dev \) -prune -o -newer "$started" -print0 |
	xargs -0 touch --no-dereference --date="@$SOURCE_DATE_EPOCH"
