#!/usr/bin/env bash
# Several workers on one port: each has a buffer file of its own, and each gets
# clients.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# Sends by many connections, which is quick by one program: chance has it to
# which workers they come.
has_files() {
	sent=$((sent + $(curl -q -sS --max-time 20 -H 'Connection: close' \
		-d '{}' -o /dev/null -w '%{http_code}\n' "$URL/log?[1-16]" |
		grep -c '^200$')))
	[ "$(files buffer)" -eq "$1" ]
}

for workers in 1 2 8; do
	spool_new
	sent=0
	NAME=recv$workers logrecv_start --workers="$workers"
	is "$(files buffer)" 0 "$workers: no file before the first event"
	ok '  one for each' wait_for has_files "$workers"
	for _ in $(seq 1 30); do
		send_event '{}' && sent=$((sent + 1))
	done
	is "$(files buffer)" "$workers" '  and no more of them'
	is "$(stored | wc -l)" "$sent" '  each event is in one of them'
	is "$(find "$SPOOL/buffer" -name '*.ndjson' -printf '%f\n' |
		grep -cE "^[0-9]{8}T[0-9]{6}\.[0-9]{6}Z-[A-Za-z0-9._-]+-$(pid "recv$workers")-[0-9]+-[0-9a-f]{8}\.ndjson$")" \
		"$workers" '  named by time, host, process and number'
	is "$(find "$SPOOL" -printf '%m %y\n' | sort -u | paste -s -d ' ' -)" \
		'640 f 750 d' '  others may not read them'
	stop "recv$workers"
	is "$STATUS" 0 '  it ends with status 0'
done
done_testing
