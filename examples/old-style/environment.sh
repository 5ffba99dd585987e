#!/bin/sh
# Every file in /etc/container_environment is a variable of whatever starts after this script.
echo "Hello, PID 1 is $(cat /proc/1/comm)" >/etc/container_environment/GREETING
echo 3000 >/etc/container_environment/APP_PORT
