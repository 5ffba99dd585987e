#!/bin/sh
# Starts everything and keeps the container alive.
export GREETING="Hello, PID 1 is a script" APP_PORT=3000

nginx -g 'error_log stderr notice;'
node /srv/app/server.mjs &
/srv/app/worker.sh &

exec tail -F /var/log/nginx/access.log
