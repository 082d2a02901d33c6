#!/usr/bin/env bash
# While somebody holds the lock of its file for long, requests wait and the
# server lives; then they are stored, and those who have gone harm nobody.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

is_locked() {
	! flock -n "$SPOOL"/buffer/*.ndjson true
}

spool_new
logrecv_start --workers=1
ok 'an event is taken' send_event '{"i":1}'
mkfifo "$DIR/fifo"
start holder flock "$SPOOL"/buffer/*.ndjson cat "$DIR/fifo"
ok 'its file is locked' wait_for is_locked
start patient curl -q -sS -o "$DIR/patient.answer" -d '{"i":2}' "$URL/log"
post '{"i":3}' --max-time 1
is "$CODE" 000 'a request gets no answer'
http GET /healthz
is "$CODE" 200 'the server is alive'
is "$(stored | wc -l)" 1 'nothing is written'
kill_group holder
wait_exit patient
is "$(cat "$DIR/patient.answer")" '{"accepted":1}' 'who waited is answered'
ok 'events are taken again' send_event '{"i":4}'
is "$(texts | grep -c '"i":[124]}')" 3 'all that were acknowledged are there'
ok 'nothing is in flight' wait_for sample_is logrecv_in_flight_bytes 0
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
