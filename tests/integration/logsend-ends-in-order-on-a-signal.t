#!/usr/bin/env bash
#
# The first signal stops the sending and waits for answers; the second ends
# the waiting. The report comes in both cases.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

server_start '(ok($events), 0.3)'
for signal in TERM INT; do
	: >"$DIR/server/bodies"
	NAME=logsend$signal
	start "$NAME" logsend --url "$URL" --report json --rate 50 \
		--duration 60s --acked "$DIR/acked"
	ok "it sends, then SIG$signal" wait_for has_received 20
	ok 'ends it' stop "$NAME" "$signal"
	OUT=$(cat "$DIR/$NAME.out")
	is "$STATUS" 0 'with success: all that was sent is acknowledged'
	is "$(report interrupted)" true 'which the report tells'
	is "$(report requests_acknowledged)" "$(report requests_sent)" \
		'answers in flight are waited for'
	num "$(report requests_sent)" -lt 1000 'nothing more was sent'
	is "$(wc -l <"$DIR/acked")" "$(report requests_sent)" \
		'all of it is listed'
done

stop server
server_start '$n == 1 ? ok($events) : ()'
: >"$DIR/server/bodies"
start twice logsend --url "$URL" --report json --rate 100 --count 5 \
	--timeout 60s --drain 60s --acked "$DIR/acked"
ok 'it waits for answers that will not come' wait_for has_received 5
kill -TERM "$(pid twice)"
kill -TERM "$(pid twice)"
# One signal may swallow another that is still pending.
kill_again() {
	! alive twice || ! kill -TERM "$(pid twice)"
}
wait_for kill_again
ok 'two signals end it' wait_exit twice 5
OUT=$(cat "$DIR/twice.out")
is "$STATUS" 75 'with a failure'
is "$(report failed.unfinished)" 4 'it tells what was open'
is "$(wc -l <"$DIR/acked")" 1 'and lists what was acknowledged'
done_testing
