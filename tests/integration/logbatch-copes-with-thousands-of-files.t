#!/usr/bin/env bash
# Five thousand buffer files, more than its table holds: each goes at its age,
# in little memory, and one that grows to its size goes at once.
. "$(dirname "$0")/../lib.sh"

all_in_ready() {
	[ "$(files ready)" -eq "$1" ]
}

spool_new
mkdir -p "$SPOOL/buffer"
born=$(date -u +%Y%m%dT%H%M%S)
(
	cd "$SPOOL/buffer" || exit
	for i in $(seq 5000); do
		echo '{"a":1}' >"$born.000000Z-test-1-$i.ndjson"
	done
)
logbatch_start --max-age=1h --max-size=1MB --log-level=warn
wait_for test -e "$SPOOL/metrics/logbatch.prom"
head -c 1000000 /dev/zero >>"$SPOOL/buffer/$born.000000Z-test-1-7.ndjson"
ok 'a large one goes at once' wait_for \
	test -e "$SPOOL/ready/$born.000000Z-test-1-7.ndjson"
stop logbatch
logbatch_start --max-age=1s --max-size=1MB --log-level=warn
ok 'the others follow by age' wait_for -t 120 all_in_ready 5000
is "$(files buffer)" 0 'none is left'
rss=$(awk '/VmHWM/ { print $2 }' "/proc/$(pid logbatch)/status")
[ "$WAIT_SCALE" -gt 1 ] || num "$rss" -lt 8192 "in under 8 MiB: $rss KiB"
stop logbatch
is "$STATUS" 0 'SIGTERM ends it with status 0'
is "$(metric logbatch 'logbatch_files_rotated_total{cause="age"}')" 4999 \
	'the metrics count them'
done_testing
