#!/usr/bin/env bash
#
# --timeout bounds an answer, --drain the end of the run.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

server_start '$n % 10 ? ok($events) : ()'
send --rate 100 --count 50 --timeout 500ms --connections 8
is "$STATUS" 75 'the run fails'
is "$(report failed.timeout)" 5 'requests without an answer time out'
is "$(report requests_acknowledged)" 45 'the others are acknowledged'
is "$(report requests_sent)" 50 'all were sent'

began=$(now_ms)
send --rate 100 --count 50 --timeout 60s --drain 300ms --connections 8
took=$(($(now_ms) - began))
is "$STATUS" 75 'the run fails again'
is "$(report failed.unfinished)" 5 'what is open when the drain ends is counted'
num "$took" -lt $((4000 * WAIT_SCALE)) 'and not waited for'

stop server
server_start '(ok($events), 0.2)'
send --rate 100 --count 100 --drain 500ms --connections 1
is "$STATUS" 75 'one slow connection cannot keep the rate'
is "$(report held)" false 'which is said'
num "$(report requests_unsent)" -gt 50 'what no connection was free for, too'
is "$(report requests_due)" 100 'of all that was due'
done_testing
