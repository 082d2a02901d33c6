#!/usr/bin/env bash
# A 200 comes after fdatasync has returned, never before; many requests share
# one; where it fails there is a 503, and the file is given up. --ack=written
# waits for none.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# post_in_background NAME BODY
post_in_background() {
	start "$1" curl -q -sS -o "$DIR/$1.answer" -w '%{http_code}' -d "$2" \
		"$URL/log"
}

has_lines() {
	[ "$(stored | wc -l)" -eq "$1" ]
}

answered() {
	cat "$DIR"/client*.answer 2>/dev/null | grep -o accepted | wc -l
}

syncs() {
	stat -c %s "$FAULTS/syncs" 2>/dev/null || echo 0
}

spool_new
faults_start --workers=1
ok 'an event is taken' send_event '{"i":0}'
is "$(syncs)" 1 'with one sync'

: >"$FAULTS/hold"
post_in_background client1 '{"i":1}'
ok 'an event is written' wait_for has_lines 2
for i in $(seq 2 20); do
	post_in_background "client$i" "{\"i\":$i}"
done
waits() {
	[ "$(scrape logrecv_connections)" -ge 20 ]
}
ok 'twenty clients wait' wait_for waits
is "$(answered)" 0 'and none is answered while the sync takes'
http GET /healthz
is "$CODE" 200 'others are, meanwhile'
rm "$FAULTS/hold"
for i in $(seq 1 20); do
	wait_exit "client$i"
done
is "$(answered)" 20 'they are answered when it has returned'
num "$(syncs)" -le 4 "and shared syncs: $(syncs) for 21 requests"
is "$(texts | sort)" "$(seq 0 20 | sed 's/.*/{"i":&}/' | sort)" 'all are there'

old=$(ls "$SPOOL/buffer")
: >"$FAULTS/fail"
post '{"i":21}'
# It may well be in the file: a client that sends it again makes two of it.
like "$CODE $BODY" '^500 \{"error":"[^"]+"\}$' 'a failed sync is a 500'
not_ok 'without Retry-After' grep -qi '^Retry-After' "$HEADERS"
ok 'its log says why' wait_log logrecv 'sync .*: Input/output error'
post '[{"i":22},{"i":23}]'
is "$CODE" 503 'the next one is refused, without another try'
ok 'with Retry-After' grep -qi '^Retry-After: [0-9]' "$HEADERS"
ok 'and the metrics count them' wait_for sample_is logrecv_store_errors_total 1
ok 'but not as taken' wait_for sample_is logrecv_events_total 21
rm "$FAULTS/fail"
size=$(stat -c %s "$SPOOL/buffer/$old")
ok 'then events are taken again' wait_for send_event '{"i":24}'
is "$(stat -c %s "$SPOOL/buffer/$old")" "$size" 'not into the file that failed'
# Names sort by age.
new=$(find "$SPOOL/buffer" -name '*.ndjson' -printf '%f\n' | sort | tail -n 1)
isnt "$new" "$old" 'but into a new one'
is "$(sed 's/,"@received_at.*/}/' "$SPOOL/buffer/$new")" '{"i":24}' 'it alone'
run logbatch --spool="$SPOOL" --once
is "$STATUS $(files buffer)" '0 0' 'logbatch hands over all of them'
stop logrecv
is "$STATUS" 0 'it ends with status 0'

spool_new
rm -f "$FAULTS/syncs"
NAME=written faults_start --workers=1 --ack=written
: >"$FAULTS/hold"
for i in 1 2 3; do
	post "{\"i\":$i}" --max-time 5
	is "$CODE" 200 "--ack=written: event $i is taken without a sync"
done
is "$(texts)" $'{"i":1}\n{"i":2}\n{"i":3}' 'and is written'
rm "$FAULTS/hold"
stop written
is "$STATUS" 0 'it ends with status 0'
num "$(syncs)" -ge 1 'and syncs at its end'
done_testing
