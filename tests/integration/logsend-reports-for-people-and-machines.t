#!/usr/bin/env bash
#
# The report, the live line, the options' variables, metrics.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

server_start '$n % 4 ? ok($events) : answer(503, "")'
run logsend --url "$URL" --rate 0 --count 8 --connections 2 --run name
is "$STATUS" 75 'refused with 503: try again'
like "$OUT" $'^run           name\n' 'the report names the run'
like "$OUT" $'\ntarget        http://127.0.0.1:' 'the target'
like "$OUT" 'as fast as 2 connections allowed \(closed loop\)' 'the loop'
like "$OUT" $'\nsent          8 requests, 8 events' 'what was sent'
like "$OUT" $'\nacknowledged  6 requests, 6 events' 'acknowledged'
like "$OUT" $'\nrefused       2 requests: 2 with 503' 'refused'
like "$OUT" $'\nfailed        0 requests' 'failed'
like "$OUT" 'p50 [0-9.]+ ms, p90 .*, p99 .*, p99.9 .*, max [0-9.]+ ms' \
	'and percentiles'
like "$ERR" 'warn logsend: refused with 503' 'a warning says so at once'
run logsend --url "$URL" --rate 0 --count 8 --quiet
is "$ERR" '' 'but not with --quiet'

run env LOGSEND_URL="$URL" LOGSEND_COUNT=3 LOGSEND_RATE=0 \
	LOGSEND_REPORT=json logsend
is "$(report requests_sent)" 3 'options can be variables'
is "$(report loop) $(report held)" 'closed null' 'a closed loop holds no rate'
is "$(wc -l <<<"$OUT")" 1 'the JSON report is one line'

spool_new
send --rate 0 --count 40 --batch 5 --spool "$SPOOL"
is "$(metric logsend logsend_requests_sent_total)" 40 'metrics: sent'
is "$(metric logsend logsend_events_acknowledged_total)" \
	"$(report events_acknowledged)" 'acknowledged'
is "$(metric logsend logsend_requests_refused_total)" \
	"$(report requests_refused)" 'refused'

# On a terminal of its own: script(1) makes one.
stop server
server_start
run script -qec "logsend --url $URL --rate 100 --duration 2500ms 2>&1 >$DIR/text" \
	/dev/null
is "$STATUS" 0 'on a terminal'
like "$OUT" $'\r1 s: sent [0-9]+, acked [0-9]+, .*/s, p99 [0-9.]+ ms\033\\[K' \
	'a line shows how it goes'
like "$OUT" $'\r2 s: sent ' 'each second'
unlike "$OUT" 'latency' 'and nothing of the report'
ok 'which is on standard output' grep -q '^latency' "$DIR/text"

run bash -c 'logsend --url "$1" --count 1 >/dev/full' sh "$URL"
is "$STATUS" 74 'a report that cannot be written is an error'
for arguments in '--rate x' '--rate 99999999' '--connections 0' \
	'--report xml' '--nonsense' 'a b' '--timeout 1us'; do
	# shellcheck disable=SC2086 # words
	run logsend $arguments
	is "$STATUS" 64 "usage: $arguments"
done
done_testing
