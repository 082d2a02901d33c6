#!/usr/bin/env bash
#
# A server that stops for a second must show in the latency of all requests
# that were due meanwhile, and not make logsend send less.
# alone: latencies
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

# One connection, one slow answer: 100 others queue behind it.
server_start '(ok($events), $n == 10 ? 1.0 : 0)'
send --rate 100 --duration 2s --connections 1
is "$STATUS" 0 'all is acknowledged'
is "$(report requests_sent)" 200 'a slow answer costs no request'
num "$(report latency_us.max)" -ge 990000 'the slow answer is seen'
num "$(report latency_us.p90)" -ge 500000 \
	'and what it did to those that were due behind it'
num "$(report late_max_us)" -ge 900000 'which were sent late'
num "$(report latency_us.p50)" -lt 900000 'the others were not'

# With connections enough, one slow answer holds up nobody else.
stop server
server_start '(ok($events), $n == 10 ? 1.0 : 0)'
send --rate 100 --duration 2s --connections 8
is "$STATUS" 0 'all is acknowledged again'
num "$(report latency_us.max)" -ge 990000 'the slow answer is seen'
num "$(report latency_us.p90)" -lt 500000 'and stands alone'
is "$(report held)" true 'the rate was held'
done_testing
