#!/usr/bin/env bash
# With nothing to do it uses no CPU that could be measured: it wakes once a second,
# to look whether its spool is there, and goes on sleeping. Also with a young
# file in buffer/, but for its metrics.
# alone: CPU time
. "$(dirname "$0")/../lib.sh"

# ticks NAME, wakes NAME: of that process, up to now
ticks() {
	awk '{ print $14 + $15 }' "/proc/$(pid "$1")/stat"
}

wakes() {
	awk '/ctxt_switches/ { n += $2 } END { print n }' \
		"/proc/$(pid "$1")/status"
}

pause() {
	read -r -t "$1" <>"$DIR/never" || :
}

# It looks once a second: at most one of these is a look.
asleep() {
	local before

	before=$(wakes "$1")
	pause 0.3
	[ "$(wakes "$1")" -le $((before + 1)) ]
}

mkfifo "$DIR/never"
for name in idle young; do
	spool_new
	NAME=$name logbatch_start --max-age=30s
	wait_log "$name" ' ready '
	ok "$name: it goes to sleep" wait_for -t 5 asleep "$name"
done
echo '{}' >"$SPOOL/buffer/$(date -u +%Y%m%dT%H%M%S.%6NZ-test-1-1.ndjson)"
ok 'with a young file it sleeps too' wait_for -t 5 asleep young

wakes=$(wakes idle) ticks=$(ticks idle) young=$(wakes young)
pause 6
# Another process may interrupt it; a tick may be of CPU used before.
num "$(($(wakes idle) - wakes))" -le 12 'and is woken once a second'
num "$(($(ticks idle) - ticks))" -le 1 'but uses no CPU'
# Each of three times the disk may, too.
num "$(($(wakes young) - young))" -le 24 \
	'nor with a young file, but for its metrics'

rss=$(awk '/VmHWM/ { print $2 }' "/proc/$(pid young)/status")
[ "$WAIT_SCALE" -gt 1 ] || num "$rss" -lt 8192 "it needs under 8 MiB: $rss KiB"
stop idle
stop young
done_testing
