#!/bin/sh
# Starts everything and keeps the container alive.
export GREETING="Hello from $HOSTNAME, where PID 1 is a shell script" APP_PORT=3000

nginx -g 'error_log stderr notice;'
node /srv/app/server.mjs &
/srv/app/worker.sh &

exec tail -F /var/log/nginx/access.log
