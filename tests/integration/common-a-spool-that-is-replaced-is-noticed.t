#!/usr/bin/env bash
# Somebody tidies up, or restores a backup into place, under running tools: each
# notices that its spool is not the one of that name any more and ends with
# status 74, so that it is started anew on what is there. Else events would be
# acknowledged, for ever, into a directory that no other tool sees.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"

# all_idle [SPOOL]: the three tools on a new spool
all_idle() {
	spool_new
	SPOOL=${1:-$SPOOL}
	logrecv_start --workers=2
	logbatch_start
	logload_start
	ok 'all are ready' wait_log logbatch ' ready '
	wait_log logload ' ready '
}

# all_running [SPOOL]: and an event in buffer/
all_running() {
	all_idle "$@"
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

db_start
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

# A directory above it; and a file system of that name, in sight of the tools.
mkdir -p "$DIR/above/it"
all_idle "$DIR/above/it/spool"
mv "$DIR/above" "$DIR/elsewhere"
each_ends 'a directory above it is renamed' "${all[@]}"

# on_new_disk NAME TOOL...: a tool that finds a disk mounted there once $DIR/go
# is written to
on_new_disk() {
	local name=$1

	shift
	# shellcheck disable=SC2016 # for that shell to expand
	start "$name" unshare --mount sh -c '{
			read -r go <"$1" && mount -t tmpfs -o mode=0750 none "$2"
		} &
		shift 2
		exec "$@"' - "$DIR/$name.go" "$SPOOL" "$@" --spool "$SPOOL"
}

if unshare --mount mount -t tmpfs none "$DIR/two" 2>"$DIR/mount"; then
	spool_new
	mkfifo "$DIR/logrecv.go" "$DIR/logbatch.go" "$DIR/logload.go"
	on_new_disk logrecv logrecv --listen 127.0.0.1:0
	on_new_disk logbatch logbatch
	on_new_disk logload logload --db "$DB_URL"
	wait_log logrecv ' listening '
	wait_log logbatch ' ready '
	wait_log logload ' ready '
	for tool in "${all[@]}"; do
		echo >"$DIR/$tool.go"
	done
	each_ends 'a disk is mounted over it' "${all[@]}"
else
	note "not tested: a disk that is mounted over it: $(cat "$DIR/mount")"
fi

# What only some of them use.
all_running
rm -r "$SPOOL/rejected"
each_ends 'rejected/ is removed' logload
ok 'logrecv goes on' send_event '{}'
ok 'and logbatch' alive logbatch
stop logrecv
stop logbatch
done_testing
