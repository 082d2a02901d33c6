#!/usr/bin/env bash
#
# Known latencies give known percentiles.
# alone: latencies
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

# 1000 requests: 100 take 200 ms, 20 of them 400 ms, 2 of those 800 ms.
server_start '
	my $slow = $n % 500 == 0 ? 0.8 : $n % 50 == 0 ? 0.4 :
	    $n % 10 == 0 ? 0.2 : 0;
	(ok($events), $slow)'
send --rate 500 --count 1000 --connections 200
is "$STATUS" 0 'all is acknowledged'
between() {
	num "$(report "latency_us.$1")" -ge "$2" "$1 is at least $2 us" &&
		num "$(report "latency_us.$1")" -le "$3" "$1 is at most $3 us"
}
between p50 0 150000
between p90 0 350000
between p99 400000 790000
between p999 800000 1500000
between max 800000 1500000
between mean 24000 200000
done_testing
