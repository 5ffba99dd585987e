# OpenSSH, off until /etc/service/sshd/down is removed. DISABLE_SSH=1 leaves out everything of it. The variant small leaves out the
# packages unless DISABLE_SSH=0: what an old Dockerfile calls is there, and says that they are missing.

case ${DISABLE_SSH:-$VARIANT} in
1 | small) exit ;;
esac

# `systemd-`: Debian 13 wants a program that makes its user, and would take all of systemd for it.
[ -e /usr/bin/systemctl ] && without= || without=systemd-
UCF_FORCE_CONFFOLD=1 install_clean openssh-server $without

# Host keys in an image would be everybody's.
rm -f /etc/ssh/ssh_host_* /etc/ssh/sshd_config.ucf-dist /run/adduser
install -d -m 0755 /run/sshd
install -d -m 0700 /root/.ssh
# ssh takes no private key that others may read.
chmod 0600 /etc/insecure_key
# A container may not set the login uid when its engine runs in a session that has one, and sshd would end the login for it.
sed -i 's/^session \+required \+pam_loginuid\.so/session    optional     pam_loginuid.so/' /etc/pam.d/sshd
