#!/usr/bin/env bash
# A sync that does not return is seen: its age is a gauge, and /readyz says 503
# once it is some seconds old. Nothing is acknowledged meanwhile, and all is
# well again when it has returned.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# ready CODE
ready() {
	http GET /readyz
	[ "$CODE" = "$1" ]
}

is_old() {
	[ "$(scrape logrecv_commit_age_seconds | cut -d . -f 1)" -ge 2 ]
}

spool_new
faults_start --workers=1
ok 'it is ready' ready 200
ok 'no commit is under way' wait_for sample_is logrecv_commit_age_seconds 0.000000
: >"$FAULTS/hold"
start waits curl -q -sS -o "$DIR/waits.answer" -d '{"a":1}' "$URL/log"
ok 'the age of a commit is seen' wait_for is_old
ok 'some seconds later it is not ready' wait_for ready 503
like "$BODY" '"reason":"the disk' 'and says why'
ok 'so does its log' wait_log logrecv 'not ready: the disk'
ok 'it is alive' test "$(curl -q -s -o /dev/null -w '%{http_code}' "$URL/healthz")" = 200
is "$(cat "$DIR/waits.answer" 2>/dev/null)" '' 'nothing is acknowledged'
rm "$FAULTS/hold"
wait_exit waits
is "$(cat "$DIR/waits.answer")" '{"accepted":1}' 'when it returns, it is'
ok 'and it is ready again' wait_for ready 200
ok 'with no commit under way' wait_for sample_is logrecv_commit_age_seconds 0.000000
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
