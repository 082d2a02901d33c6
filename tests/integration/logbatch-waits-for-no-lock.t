#!/usr/bin/env bash
# A buffer file whose lock somebody keeps, such as a writer that is stopped, or
# a backup, holds up neither the hand-over of the others nor the end.
. "$(dirname "$0")/../lib.sh"

name() {
	printf '20260101T00000%d.000000Z-h-1-%d.ndjson\n' "$1" "$1"
}

is_locked() {
	! flock -n "$1" true
}

# hold N: makes that file, and keeps its lock until let_go
hold() {
	local file

	file=$SPOOL/buffer/$(name "$1")

	echo "{\"n\":$1}" >"$SPOOL/buffer/.$1"
	start holder flock "$SPOOL/buffer/.$1" cat "$DIR/fifo"
	wait_for is_locked "$SPOOL/buffer/.$1"
	mv "$SPOOL/buffer/.$1" "$file"
}

let_go() {
	kill_group holder
}

mkfifo "$DIR/fifo"

spool_new
mkdir -p "$SPOOL/buffer"
hold 1
echo '{"n":2}' >"$SPOOL/buffer/$(name 2)"
logbatch_start --max-age=100ms
ok 'another file is handed over' wait_for -t 2 test -e "$SPOOL/ready/$(name 2)"
is "$(files buffer)" 1 'the held one stays'
is "$(log_since logbatch | grep -c ' warn ')" 0 'which is nothing to warn of'
ok 'but after some seconds' wait_log logbatch \
	"warn logbatch: lock .*buffer/$(name 1): .*another process has had it"
let_go
ok 'once let go, it is handed over' \
	wait_for -t 4 test -e "$SPOOL/ready/$(name 1)"
is "$(log_since logbatch | grep -c ' warn ')" 1 'there was one warning'

hold 3
echo '{"n":4}' >"$SPOOL/buffer/$(name 4)"
ok 'another one' wait_for -t 2 test -e "$SPOOL/ready/$(name 4)"
before=$(now_ms)
stop logbatch
is "$STATUS" 0 'a signal ends it with status 0'
num $(($(now_ms) - before)) -lt $((2000 * WAIT_SCALE)) 'at once'

echo '{"n":5}' >"$SPOOL/buffer/$(name 5)"
start once logbatch --spool "$SPOOL" --once
ok '--once hands the others over' wait_for test -e "$SPOOL/ready/$(name 5)"
let_go
wait_exit once
is "$STATUS" 0 'and waits for a lock, for a while'
is "$(files buffer)" 0 'so that all is handed over'

hold 6
echo '{"n":7}' >"$SPOOL/buffer/$(name 7)"
run logbatch --spool "$SPOOL" --once
is "$STATUS" 74 'not for ever: status 74'
like "$ERR" "lock .*buffer/$(name 6): " 'with what it has left'
is "$(files ready)" 6 'the others are handed over'
start once logbatch --spool "$SPOOL" --once
before=$(now_ms)
stop once
num $(($(now_ms) - before)) -lt $((2000 * WAIT_SCALE)) 'a signal ends that, too'
let_go
done_testing
