#!/usr/bin/env bash
#
# A pipe that has nothing to say holds up neither answers nor signals, and the
# schedule stands still meanwhile.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

server_start
mkfifo "$DIR/pipe"
start logsend logsend --url "$URL" --report json --run p --rate 100 \
	--acked "$DIR/acked" "$DIR/pipe"
exec 7>"$DIR/pipe"
printf '{"n":1}\n{"n":2}\n{"n"' >&7
ok 'lines are sent while the pipe is open' wait_for has_received 2
acked() {
	[ "$(wc -l <"$DIR/acked")" -eq "$1" ]
}
ok 'and their answers read' wait_for acked 2
printf ':3}\n' >&7
ok 'a line that comes in two pieces is one' wait_for has_received 3
is "$(tail -n 1 "$DIR/server/bodies")" '{"n":3,"id":"p-000000003"}' \
	'with its number'
exec 7>&-
ok 'the end of the pipe ends the run' wait_exit logsend
is "$STATUS" 0 'with success'
OUT=$(cat "$DIR/logsend.out")
is "$(report events_acknowledged)" 3 'all is acknowledged'
num "$(report latency_us.max)" -lt 900000 \
	'the time without input is nobody'\''s latency'

start again logsend --url "$URL" --report json "$DIR/pipe"
exec 7>"$DIR/pipe"
printf '{"n":4}\n' >&7
ok 'another run sends' wait_for has_received 4
ok 'a signal ends it though the pipe is open' stop again
is "$STATUS" 0 'with success'
exec 7>&-

run bash -c 'seq 5000 | sed "s/.*/{\"n\":&}/" |
	logsend --url "$1" --report json --rate 0 --batch 10 -' sh "$URL"
is "$STATUS" 0 'standard input is read'
is "$(report events_acknowledged)" 5000 'to its end'
done_testing
