#!/usr/bin/env bash
#
# The k-th request is sent at the start plus k divided by the rate: not before
# it is due, and never so much later that the rate would not be held.
# alone: when requests are sent
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

server_start
began=$(now_ms)
send --rate 200 --duration 2s
is "$STATUS" 0 'it succeeds'
is "$(report requests_sent)" 400 'a rate for a duration makes a number'
is "$(received)" 400 'all of which arrive'
is "$(report held)" true 'the rate was held, it says'
is "$(report loop)" open 'in an open loop'
is "$(report rate_asked)" 200 'the rate asked for'
# A busy machine may make the last one late.
like "$(report rate)" '^(1[89][0-9]|20[01])(\.|$)' 'the rate achieved'
# By the server's clock: the last one was due 399 intervals of 5 ms after the
# start, which was no earlier than this.
span=$(tail -n 1 "$DIR/server/times" |
	awk -v began="$began" '{printf "%d", $1 * 1000 - began}')
num "$span" -ge 1994 'the server saw them at that rate, not faster'
# No tenth of a second has many more than its 20. As text: mawk prints what is
# over 2^31 as 1.76e+10.
most=$(grep -oE '^[0-9]+(\.[0-9])?' "$DIR/server/times" | uniq -c |
	sort -rn | awk 'NR == 1 {print $1}')
num "$most" -le 100 'and evenly'

send --rate 1000000 --count 8000 --connections 1 --drain 60s
is "$STATUS" 0 'an impossible rate: all is sent, late'
is "$(report held)" false 'but the rate was not held, it says'
num "$(report late_max_us)" -gt 100000 'and how late'
done_testing
