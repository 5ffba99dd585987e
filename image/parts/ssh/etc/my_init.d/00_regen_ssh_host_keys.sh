#!/bin/sh
# 00_regen_ssh_host_keys.sh [-f]
# Makes SSH host keys where sshd is enabled and has none; -f makes new ones in any case. Runs at every boot, and in a Dockerfile
# that wants its keys in the image. Never fails a boot: docs/reference/sshd.md.
set -eu

read -r parent <"/proc/$PPID/comm" || parent=
[ "$parent" = my_init ] && at_boot=yes || at_boot=no

# A fresh tmpfs on /run has it not; sshd needs it however it is started.
[ -d /run/sshd ] || mkdir -m 0755 /run/sshd 2>/dev/null || :

case ${1-} in
'')
	if [ ! -d /etc/service/sshd ] || [ -e /etc/service/sshd/down ]; then
		[ "$at_boot" = yes ] || echo "SSH is disabled. To enable it, remove '/etc/service/sshd/down'."
		exit 0
	fi
	if ls /etc/ssh/ssh_host_*_key >/dev/null 2>&1; then exit 0; fi
	;;
-f) ;;
*)
	echo "usage: 00_regen_ssh_host_keys.sh [-f]" >&2
	exit 2
	;;
esac

refused() {
	echo "cannot make SSH host keys: $1" >&2
	[ "$at_boot" = yes ] && exit 0 || exit 1
}

command -v ssh-keygen >/dev/null || refused "OpenSSH is not in this image; build it FROM shipshape/baseimage, not :small"
if [ -w /etc/ssh ]; then
	rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
	ssh-keygen -A || refused "ssh-keygen failed, its reason is above"
elif [ -w /run/sshd ]; then
	echo "/etc/ssh is read-only: the SSH host keys are in /run/sshd, and new after every start of the container"
	rm -rf /run/sshd/etc
	mkdir -p /run/sshd/etc/ssh
	ssh-keygen -A -f /run/sshd || refused "ssh-keygen failed, its reason is above"
	for key in /run/sshd/etc/ssh/ssh_host_*_key; do echo "HostKey $key"; done >/run/sshd/host-keys.conf
else
	refused "neither /etc/ssh nor /run/sshd can be written by user $(id -u); run this script in the Dockerfile, or mount a tmpfs on /run"
fi
