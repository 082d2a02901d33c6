#!/usr/bin/env bash
# logbatch --drain hands over what is in buffer/ when it is told to stop, one
# try each, and ends with status 0 whether or not that worked.
. "$(dirname "$0")/../lib.sh"

name() {
	date -u "+%Y%m%dT%H%M%S.%6NZ-test-1-$1.ndjson"
}
put() {
	echo "$2" >"$SPOOL/$1"
}

spool_new
logbatch_start
wait_log logbatch ' ready ' || give_up 'it does not start'
put "buffer/$(name 1)" '{"a":1}'
stop logbatch
is "$STATUS" 0 'without --drain: status 0'
is "$(files buffer)" 1 'and the file stays'

for signal in TERM INT; do
	logbatch_start --drain
	wait_log logbatch ' ready ' || give_up 'it does not start'
	put "buffer/$(name "2$signal")" '{"a":2}'
	stop logbatch "$signal"
	is "$STATUS" 0 "with --drain, at SIG$signal: status 0"
	is "$(files buffer)" 0 'and all is handed over'
	like "$(log_since logbatch)" 'stopped signal=[0-9]+ files=0' 'it says so'
	like "$(log_since logbatch)" 'rotated file=.* cause=drain' 'and why'
done
is "$(files ready)" 3 'nothing is lost'

logbatch_start --drain
wait_log logbatch ' ready ' || give_up 'it does not start'
twin=$(name 3)
put "ready/$twin" '{"a":3}'
put "buffer/$twin" '{"a":4}'
put "buffer/$(name 4)" '{"a":5}'
stop logbatch
is "$STATUS" 0 'where a file cannot be handed over: status 0'
is "$(files buffer)" 1 'that one stays, the others do not'
like "$(log_since logbatch)" 'warn logbatch: some files stay in buffer/' \
	'it says so'
done_testing
