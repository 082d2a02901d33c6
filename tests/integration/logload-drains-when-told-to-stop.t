#!/usr/bin/env bash
# logload --drain loads what is in ready/ when it is told to stop, until nothing
# is left, nothing more can be done or the time is over, and ends with status 0.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready"
put() {
	events 1000 >"$SPOOL/ready/.$1"
	mv "$SPOOL/ready/.$1" "$SPOOL/ready/$1"
}
locker() {
	lock_logs || give_up 'the table is not locked'
}
draining() { wait_log "$1" 'loading what is left drain_ms='; }
took_ms() { echo $(($(now_ms) - began)); }

# A worker that is at its first file has many behind it.
put "$(ready 1)"
once
locker
for i in $(seq 2 50); do put "$(ready "$i")"; done
logload_start --drain=60s --chunk=64KiB
wait_locked_out || give_up 'it does not load'
kill -TERM "$(pid logload)"
kill_group locker
ok 'with --drain it goes on' draining logload
ok 'to its end' wait_exit logload
is "$STATUS" 0 'status 0'
is "$(files ready)" 0 'nothing is left'
is "$(rows)" 50000 'all is loaded, once'
like "$(log_since logload)" 'info logload: stopped files=0' 'it says so'

logload_start --drain=60s
wait_log logload ' ready '
began=$(now_ms)
stop logload
is "$STATUS" 0 'idle: status 0'
num "$(took_ms)" -lt $((10000 * WAIT_SCALE)) 'without waiting for the time'

# The time is over: the chunk in work is given up as without --drain.
locker
put "$(ready 51)"
put "$(ready 52)"
logload_start --drain=1s
wait_locked_out
kill -TERM "$(pid logload)"
ok 'a table that stays locked does not keep it' wait_exit logload
is "$STATUS" 0 'status 0'
is "$(files ready)" 2 'the files stay'
like "$(log_since logload)" \
	'warn logload: stopped: not all is loaded,.*files=2' 'it says so'
unlike "$(log_since logload)" 'loading what is left' \
	'its time runs from the signal on: nothing is begun after it'

# A second signal, while it drains. The INSERT may still be that of the last one.
logload_start --drain=600s
wait_log logload ' ready '
wait_locked_out
kill -TERM "$(pid logload)"
draining logload
kill -TERM "$(pid logload)"
ok 'a second signal ends it at once' wait_exit logload 5
is "$STATUS" 143 'as if it had not caught it'
kill_group locker

# Nothing more can be done: a schema that refuses.
sql 'ALTER TABLE logs RENAME TO away; CREATE TABLE logs (x INT)'
logload_start --drain=600s
wait_log logload 'the database refuses' || give_up 'it is not refused'
stop logload
is "$STATUS" 0 'where the table is wrong: status 0'
is "$(files ready)" 2 'the files stay'
sql 'DROP TABLE logs; ALTER TABLE away RENAME TO logs'

# A database that is away may come back within the time.
logload_start --drain=60s
wait_rows 52000
db_stop
put "$(ready 53)"
kill -TERM "$(pid logload)"
draining logload
db_start
ok 'one that comes back in time: it ends' wait_exit logload
is "$STATUS" 0 'status 0'
is "$(rows)" 53000 'all is loaded'
db_stop
put "$(ready 54)"
logload_start --drain=1s
wait_log logload 'the database is away'
stop logload
is "$STATUS" 0 'one that does not: status 0'
is "$(files ready)" 1 'the file stays'
done_testing
