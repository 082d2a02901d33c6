#!/usr/bin/env bash
# A server that stands still, as one does whose machine hangs, is away within
# 15 s, though a statement may take minutes: in the metrics and in the log. One
# that is at a long statement is not.
# databases: mariadb postgresql
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

# up SPOOL WANT: is that in its metrics?
up() {
	[ "$(SPOOL=$1 metric logload logload_database_up)" = "$2" ]
}

db_start
spool_new
idle=$DIR/idle
mkdir -p "$SPOOL/ready" "$idle/ready"
events 10 >"$idle/ready/$(ready 1)"
NAME=idle SPOOL=$idle logload_start
wait_rows 10
ok 'idle: it is up' wait_for up "$idle" 1
logload_start
events 10 >"$DIR/a"
mv "$DIR/a" "$SPOOL/ready/$(ready 2)"
wait_rows 20
lock_logs
events 10 >"$DIR/a"
mv "$DIR/a" "$SPOOL/ready/$(ready 3)"
wait_locked_out
ok 'at work: it is up' wait_for up "$SPOOL" 1

# Some of this time is a busy machine's.
db_freeze STOP
ok 'idle: it is away soon' wait_for -t 30 up "$idle" 0
ok 'at work: so it is' wait_for -t 30 up "$SPOOL" 0
for name in idle logload; do
	ok "$name: the log says so" \
		wait_log "$name" 'warn .*the database is away.* does not answer'
done
db_freeze CONT
ok 'idle: it is back' wait_for -t 60 up "$idle" 1
ok 'at work: so it is, though the statement is not at its end' \
	wait_for -t 60 up "$SPOOL" 1
is "$(files ready)" 1 'the file waits'
unlock_logs
ok 'and is loaded' wait_rows 30 60
ok 'the log says that it is back' wait_log logload 'takes events again'
for name in idle logload; do
	stop "$name"
	is "$STATUS" 0 "$name: stops with status 0"
done
is "$(rows)" 30 'each event is a row'
done_testing
