#!/bin/bash
# A worker that takes job after job, four a second.
trap 'echo "worker: got SIGTERM, last job done"; kill "$!" 2>/dev/null; exit 0' TERM

echo "worker: started, pid $$"
for ((job = 1; ; job++)); do
	sleep 0.25 &
	wait "$!"
	echo "worker: job $job done"
done
