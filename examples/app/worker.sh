#!/bin/bash
# A worker that takes job after job and, now and then, crashes: with WORKER_CRASHES=20 one job in 20 does it on average.
trap 'echo "worker: got SIGTERM, last job done"; kill "$!" 2>/dev/null; exit 0' TERM

echo "worker: started, pid $$"
for ((job = 1; ; job++)); do
	sleep 0.25 &
	wait "$!"
	echo "worker: job $job done"
	((RANDOM % ${WORKER_CRASHES:-20})) || { echo "worker: job $((job + 1)) crashes" && kill -SEGV "$$"; }
done
