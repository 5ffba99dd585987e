#!/bin/bash
# A worker that takes job after job, four a second, and crashes on every 20th.
trap 'echo "worker: got SIGTERM, last job done"; kill "$!" 2>/dev/null; exit 0' TERM

echo "worker: started, pid $$"
for job in {1..19}; do
	sleep 0.25 &
	wait "$!"
	echo "worker: job $job done"
done
echo "worker: job 20 crashes"
kill -SEGV "$$"
