#!/usr/bin/env bash
# A file that cannot be handed over is warned about once, tried again with
# growing pauses, does not keep others waiting, and goes when it can.
. "$(dirname "$0")/../lib.sh"

name() {
	date -u "+%Y%m%dT%H%M%S.%6NZ-test-1-$1.ndjson"
}

failures() {
	[ "$(metric logbatch logbatch_errors_total)" -ge "$1" ] 2>/dev/null
}

spool_new
mkdir -p "$SPOOL/buffer" "$SPOOL/ready"
stuck=$(name 1)
echo '{"a":1}' >"$SPOOL/ready/$stuck"
echo '{"a":2}' >"$SPOOL/buffer/$stuck"
logbatch_start --max-age=500ms
ok 'it warns' wait_log logbatch "warn logbatch: rename .*$stuck: File exists"

other=$(name 2)
echo '{"a":3}' >"$SPOOL/buffer/$other"
ok 'another file goes meanwhile' \
	wait_for -t 3 test -e "$SPOOL/ready/$other"
ok 'the stuck one is tried again' wait_for -t 15 failures 3
is "$(grep -c 'File exists' "$DIR/logbatch.log")" 1 'with one warning'
num "$(metric logbatch logbatch_errors_total)" -le 12 'and not in a hurry'

rm "$SPOOL/ready/$stuck"
ok 'it goes as soon as it can' \
	wait_for -t 15 test -e "$SPOOL/ready/$stuck"
is "$(cat "$SPOOL/ready/$stuck")" '{"a":2}' 'whole'

stop logbatch
is "$STATUS" 0 'SIGTERM ends it with status 0'
done_testing
