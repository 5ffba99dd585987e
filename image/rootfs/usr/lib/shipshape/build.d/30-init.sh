# The places my_init works with: startup files, hooks, services, the environment and who may read it.

# On a root from before the merge of /sbin into /usr/sbin, the commands are expected in /sbin all the same.
for command in my_init setuser install_clean; do
	[ -h "/sbin/$command" ] || [ -e "/sbin/$command" ] || ln -s "../usr/sbin/$command" "/sbin/$command"
done

install -d /etc/my_init.d /etc/my_init.signal.d /etc/my_init.pre_shutdown.d /etc/my_init.post_shutdown.d /etc/service

getent group docker_env >/dev/null || groupadd -g 8377 docker_env
install -d -m 0700 /etc/container_environment
for variable in LANG LC_CTYPE; do
	printf en_US.UTF-8 >"/etc/container_environment/$variable"
done
for dump in /etc/container_environment.sh /etc/container_environment.json; do
	install -m 0640 -g docker_env /dev/null "$dump"
done
