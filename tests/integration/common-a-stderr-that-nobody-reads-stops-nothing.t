#!/usr/bin/env bash
# The log goes to a pipe that is full, since whoever reads it hangs: the tools
# work on all the same, and later say how much of it was lost. So does
# pipeline.sh, whose own lines are lost.
. "$(dirname "$0")/../lib.sh"

# Open for reading and writing, here, so that it has both ends.
mkfifo "$DIR/pipe"
exec 9<>"$DIR/pipe"
# empty: takes what is in the pipe, into $DIR/said
empty() {
	dd if="$DIR/pipe" iflag=nonblock bs=64k >>"$DIR/said" 2>/dev/null
}
fill() {
	yes 'no room' | dd of="$DIR/pipe" oflag=nonblock bs=4096 2>/dev/null
}
said() {
	empty
	grep -Eq -- "$1" "$DIR/said"
}
# quietly NAME COMMAND...: its stderr is the pipe
quietly() {
	local name=$1
	shift
	# shellcheck disable=SC2016 # for that shell
	start "$name" bash -c 'exec "$@" 2>"$0"' "$DIR/pipe" "$@"
}

spool_new
mkdir -p "$SPOOL/buffer"
quietly logrecv logrecv --listen 127.0.0.1:0 --spool "$SPOOL"
wait_for said 'listening address=' || give_up 'it does not start'
PORT=$(sed -n 's/.*listening address=127.0.0.1:\([0-9]*\).*/\1/p' "$DIR/said")
URL=http://127.0.0.1:$PORT
quietly logbatch logbatch --spool "$SPOOL" --max-size 1
wait_for said 'logbatch: ready' || give_up 'it does not start'

fill
for i in 1 2 3; do
	ok "event $i is acknowledged" send_event "{\"a\":$i}"
	handed() { [ "$(lines ready)" -eq "$i" ]; }
	ok 'and handed over' wait_for handed
done
# The third message comes after its file has moved.
moved() { [ "$(metric logbatch 'logbatch_files_rotated_total{cause="size"}')" = 3 ]; }
wait_for moved
empty
ok 'there is room again' send_event '{"a":4}'
ok 'the log goes on' wait_for said 'info logbatch: rotated'
like "$(cat "$DIR/said")" \
	'warn logbatch: nobody read stderr: lines were lost lines=3' \
	'and says what was lost'

fill
stop logbatch
is "$STATUS" 0 'logbatch ends'
stop logrecv
is "$STATUS" 0 'so does logrecv'

export SPOOL PIPELINE_BIN=$BUILD LOGRECV_LISTEN=127.0.0.1:0
export LOGLOAD_DB=mysql://logs@127.0.0.1:1/logs PIPELINE_DRAIN=1s
all_run() {
	[ "$(pgrep -P "$(pid pipeline)" '^log(recv|batch|load)$' | wc -l)" -eq 3 ]
}
for shell in sh bash; do
	fill
	quietly pipeline "$shell" "$TOP/pipeline.sh"
	ok "$shell: pipeline.sh starts its tools" wait_for all_run
	stop pipeline
	is "$STATUS" 0 "$shell: and ends them"
done
done_testing
