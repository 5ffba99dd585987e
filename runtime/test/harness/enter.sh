#!/bin/sh
# The first process of new PID, mount, UTS and IPC namespaces: makes "$1/root" their root and becomes the program in the other arguments.
# Every mount is private to the namespace, so nothing has to be undone.
set -eu
box=$1
shift
# Still the outside's /proc: this is our pid as the test knows it.
read -r pid _ </proc/self/stat
mount --all --fstab "$box/fstab"
cd "$box/root"
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/ptmx dev/
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
hostname box
pivot_root . .
umount -l .
cd /
set +e
if [ -e /.before ]; then . /.before; fi
echo "$pid" >&3
# Nor does the init inherit what the test process was started with.
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
exec "$@"
