#!/usr/bin/env bash
# With nothing to do it never runs: not a tick of CPU, not one wake-up. Also
# with a young file in buffer/ it wakes only to refresh its metrics.
# alone: CPU time
. "$(dirname "$0")/../lib.sh"

ticks() {
	awk '{ print $14 + $15 }' "/proc/$(pid logbatch)/stat"
}

wakes() {
	awk '/ctxt_switches/ { n += $2 } END { print n }' \
		"/proc/$(pid logbatch)/status"
}

asleep() {
	local before

	before=$(wakes)
	read -r -t 0.3 <>"$DIR/never" || :
	[ "$(wakes)" = "$before" ]
}

mkfifo "$DIR/never"
spool_new
logbatch_start --max-age=30s
wait_log logbatch ' ready '
ok 'it goes to sleep' wait_for -t 5 asleep
wakes=$(wakes) ticks=$(ticks)
read -r -t 6 <>"$DIR/never" || :
is "$(wakes)" "$wakes" 'and is not woken once in six seconds'
is "$(ticks)" "$ticks" 'nor uses CPU'

echo '{}' >"$SPOOL/buffer/$(date -u +%Y%m%dT%H%M%S.%6NZ-test-1-1.ndjson)"
ok 'with a young file it sleeps too' wait_for -t 5 asleep
wakes=$(wakes)
read -r -t 6 <>"$DIR/never" || :
num "$(($(wakes) - wakes))" -le 4 'but for its metrics'

rss=$(awk '/VmHWM/ { print $2 }' "/proc/$(pid logbatch)/status")
[ "$WAIT_SCALE" -gt 1 ] || num "$rss" -lt 8192 "it needs under 8 MiB: $rss KiB"
stop logbatch
done_testing
