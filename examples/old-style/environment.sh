#!/bin/sh
# Every file in /etc/container_environment is a variable of whatever starts after this script.
printf 'Hello from %s, where PID 1 is %s' "$HOSTNAME" "$(cat /proc/1/comm)" >/etc/container_environment/GREETING
echo 3000 >/etc/container_environment/APP_PORT
