#!/usr/bin/env bash
# SIGTERM and SIGINT: the chunk in work is committed, no other is begun. In
# following the status is 0; by hand it is 75 unless all was loaded, so that a
# script does not take a part for the whole. The next run goes on. A second
# signal ends it at once.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready"
events 100000 >"$DIR/big"
size=$(stat -c %s "$DIR/big")
progress() { sql 'SELECT progress FROM log_files ORDER BY started_at DESC LIMIT 1'; }
begun() { [ "$(progress 2>/dev/null)" -gt 0 ] 2>/dev/null; }

start hand logload --db "$DB_URL" --chunk 64KiB "$DIR/big"
wait_for begun
stop hand INT
is "$STATUS" 75 'by hand, within a file: status 75'
like "$(log_since hand)" 'stopped within a file; run again to go on' 'it says so'
at=$(progress)
num "$at" -gt 0 'some chunks are committed'
num "$at" -lt "$size" 'not all'
sql_is 'SELECT events FROM log_files' "$(rows)" 'the ledger agrees with the rows'
load "$DIR/big"
is "$STATUS" 0 'again: status 0'
is "$(rows)" 100000 'all is loaded'
sql_is "SELECT COUNT(DISTINCT $(member id)) FROM logs" 100000 \
	'once'

cp "$DIR/big" "$SPOOL/ready/$(ready 1)"
sql 'DROP TABLE logs; DROP TABLE log_files'
logload_start --chunk 64KiB
wait_for begun
stop logload
is "$STATUS" 0 'following: status 0'
is "$(files ready)" 1 'the file stays'
num "$(rows)" -lt 100000 'a part is loaded'
once
is "$STATUS" 0 'the next run: status 0'
is "$(rows)" 100000 'the rest'

# Idle, it ends at once; and so it does at a second signal, whatever it does.
logload_start
wait_log logload ' ready '
stop logload
is "$STATUS" 0 'idle: status 0'
lock_logs
events 10 >"$SPOOL/ready/$(ready 2)"
logload_start
ok 'it waits for a lock' wait_locked_out
kill -TERM "$(pid logload)"
ok 'one signal does not break the chunk' alive logload
# Another one, since two of the same kind may become one.
kill -INT "$(pid logload)"
wait_exit logload
like "$STATUS" '^(130|143)$' 'the second one does'
is "$(files ready)" 1 'the file stays'

# A pipe that nobody writes to.
mkfifo "$DIR/pipe"
exec 7<>"$DIR/pipe"
start pipe logload --db "$DB_URL" "$DIR/pipe"
reads() { [ "$(find "/proc/$(pid pipe)/task" -mindepth 1 -maxdepth 1 | wc -l)" \
	-ge 2 ]; }
wait_for reads
stop pipe
is "$STATUS" 75 'waiting for a pipe: status 75'
exec 7<&-
done_testing
