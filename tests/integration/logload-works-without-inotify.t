#!/usr/bin/env bash
# Where the machine has no inotify instance left for us (they are few, and
# counted by user over all containers), it looks by itself, every second.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

unshare --user --map-root-user sh -c \
	'echo 0 >/proc/sys/user/max_inotify_instances' 2>/dev/null ||
	skip_all 'no user namespaces here'

# into_ready N: a file with an event, as logbatch would hand it over
into_ready() {
	events 1 "$1" >"$SPOOL/buffer/.$1"
	mv "$SPOOL/buffer/.$1" "$SPOOL/ready/$(ready "$1")"
}

ticks() {
	awk '{ print $14 + $15 }' "/proc/$(pid logload)/stat"
}

spool_new
db_start
start logload unshare --user --map-root-user sh -c \
	'echo 0 >/proc/sys/user/max_inotify_instances && exec "$@"' - \
	logload --db "$DB_URL" --spool "$SPOOL"
ok 'it says so' wait_log logload 'warn logload: watch .*/ready: '
ok 'and is ready' wait_log logload ' ready '
for i in 1 2; do
	into_ready "$i"
	before=$(now_ms)
	ok "a file is loaded: $i" wait_rows "$i"
	num $(($(now_ms) - before)) -lt $((3000 * WAIT_SCALE)) '  soon'
done
ticks=$(ticks) after=$(($(now_ms) + 3000))
later() { [ "$(now_ms)" -ge "$after" ]; }
wait_for later
num $(($(ticks) - ticks)) -le $((3 * WAIT_SCALE)) 'it needs next to no CPU'
mv "$SPOOL/ready" "$DIR/ready.old"
ok 'it notices that its spool is taken away' wait_exit logload 10
is "$STATUS" 74 '  and ends with status 74'
done_testing
