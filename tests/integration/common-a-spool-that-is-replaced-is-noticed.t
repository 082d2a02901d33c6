#!/usr/bin/env bash
# Somebody tidies up, or restores a backup into place, under running tools: each
# notices that its spool is not the one of that name any more and ends with
# status 74, so that it is started anew on what is there. Else events would be
# acknowledged, for ever, into a directory that no other tool sees.
. "$(dirname "$0")/../lib.sh"

# all_running [SPOOL]: the three tools on a new spool
all_running() {
	spool_new
	SPOOL=${1:-$SPOOL}
	logrecv_start --workers=2
	logbatch_start
	logload_start
	ok 'all are ready' wait_log logbatch ' ready '
	wait_log logload ' ready '
	send_event '{"kept":1}'
}

# each_ends WHY [TOOL]...: within some seconds, with status 74
each_ends() {
	local why=$1 tool before

	shift
	before=$(now_ms)
	for tool in "$@"; do
		ok "$why: $tool ends" wait_exit "$tool" 10
		is "$STATUS" 74 '  with status 74'
		ok '  and says why' wait_log "$tool" \
			" error $tool: $SPOOL: .* taken away or replaced" 1
	done
	num $(($(now_ms) - before)) -lt $((3000 * WAIT_SCALE)) '  soon'
}

mariadb_start
all=(logrecv logbatch logload)

all_running
mv "$SPOOL/buffer" "$SPOOL/buffer.old"
mkdir "$SPOOL/buffer"
each_ends 'buffer/ is replaced' "${all[@]}"
is "$(cat "$SPOOL"/buffer.old/*.ndjson | grep -c kept)" 1 'what it had is there'

all_running
rm -r "$SPOOL/buffer"
each_ends 'buffer/ is removed' "${all[@]}"
logrecv_start
ok 'started anew, it takes events' send_event '{}'
stop logrecv

all_running
mv "$SPOOL/ready" "$DIR/ready.old"
each_ends 'ready/ is taken away' "${all[@]}"

# The whole of it, behind a link.
mkdir "$DIR/one" "$DIR/two"
ln -s one "$DIR/link"
all_running "$DIR/link"
ln -sfn two "$DIR/link"
each_ends 'the path leads elsewhere' "${all[@]}"

all_running
mkdir "$SPOOL.new"
mv "$SPOOL" "$SPOOL.old"
mv "$SPOOL.new" "$SPOOL"
each_ends 'all of it is replaced' "${all[@]}"

# What only some of them use.
all_running
rm -r "$SPOOL/rejected"
each_ends 'rejected/ is removed' logload
ok 'logrecv goes on' send_event '{}'
ok 'and logbatch' alive logbatch
stop logrecv
stop logbatch
done_testing
