#!/usr/bin/env bash
# With nothing to load, logload sleeps: no CPU time that could be measured.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready"
events 10 >"$SPOOL/ready/$(ready 1)"
logload_start
wait_rows 10
wait_for no_files ready
ticks() { awk '{ print $14 + $15 }' "/proc/$(pid logload)/stat"; }
switches() { awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }' \
	"/proc/$(pid logload)"/task/*/status; }
settled() { [ "$(switches)" = "$last" ] || { last=$(switches); return 1; }; }
last=
wait_for settled
before=$(ticks) woken=$(switches) after=$(($(now_ms) + 3000))
later() { [ "$(now_ms)" -ge "$after" ]; }
wait_for later
num "$(($(ticks) - before))" -le 1 'no more than a tick in 3 s'
grep -q 'fsanitize=thread' "$BUILD/flags" 2>/dev/null || # it has a thread of its own
	num "$(($(switches) - woken))" -le 10 'it hardly woke up'
events 10 >"$SPOOL/buffer/x"
mv "$SPOOL/buffer/x" "$SPOOL/ready/$(ready 2)"
started=$(now_ms)
ok 'a new file is loaded' wait_rows 20
num "$(($(now_ms) - started))" -lt "$((2000 * WAIT_SCALE))" 'at once'
stop logload
done_testing
