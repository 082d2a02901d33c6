#!/usr/bin/env bash
# While every sync fails: /readyz says so, the log and buffer/ do not grow with
# each request, and all is well again soon after the disk is.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# health: 200 or 503, is it ready?
health() {
	http GET /readyz
	[ "$CODE" = "$1" ]
}

spool_new
faults_start --workers=1
ok 'it is ready' wait_for health 200
: >"$FAULTS/fail"
began=$(now_ms)
for i in $(seq 1 100); do
	post "{\"i\":$i}"
	[ "$CODE" = 503 ] || [ "$CODE" = 500 ] || break
done
like "$CODE" '^50[03]$' 'a hundred requests are refused'
# Now and then it tries an event: then it is ready until that has failed.
fails_and_is_not_ready() {
	post '{}'
	health 503
}
ok 'it is not ready' wait_for -t 5 fails_and_is_not_ready
like "$CODE $BODY" '^503 .*"reason":"[^"]+"' 'and says why'
seconds=$((($(now_ms) - began) / 1000))
num "$(log_since logrecv | wc -l)" -le $((10 + 2 * seconds)) \
	'its log says so a few times'
num "$(files buffer)" -le $((10 + seconds)) 'it has made a few files'
rm "$FAULTS/fail"
ok 'when the disk works, it is ready again' wait_for -t 5 health 200
ok 'and takes events' wait_for -t 5 send_event '{}'
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
