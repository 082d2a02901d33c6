#!/usr/bin/env bash
# From POST /log to rows through pipeline.sh alone: SIGTERM lets what was
# acknowledged become rows before it ends; with the database away it ends all
# the same, and the next start loads the rest. Events are sent all the while
# tools are killed, and each acknowledged one is a row, once.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"

# begin [VARIABLE=VALUE]...
begin() {
	start pipeline env PIPELINE_BIN="$BUILD" LOGRECV_LISTEN=127.0.0.1:0 \
		LOGLOAD_DB="$DB_URL" SPOOL="$SPOOL" "$@" "$TOP/pipeline.sh"
	wait_log pipeline ' listening address=' || give_up 'it does not listen'
	find_port
}

find_port() {
	PORT=$(log_since pipeline |
		sed -n 's/.* listening address=.*:\([0-9]*\).*/\1/p' | tail -n 1)
	URL=http://127.0.0.1:$PORT
}

# tool_pid TOOL: of the one that pipeline.sh runs
tool_pid() {
	pgrep -x "$1" --parent "$(pid pipeline)"
}

restarted() {
	[ "$(metric pipeline "pipeline_restarts_total{tool=\"$1\"}")" = 1 ]
}

db_start
spool_new
begin
for i in 1 2 3; do
	send_event "{\"id\":\"first-$i\"}" || fail "event $i is acknowledged"
done
is "$(rows)" 0 'events wait for their batch'
stop pipeline
is "$STATUS" 0 'SIGTERM ends it with status 0'
is "$(rows)" 3 'and all are rows'
is "$(files buffer) $(files ready)" '0 0' 'nothing is left in the spool'

begin PIPELINE_DRAIN=1s
send_event '{"id":"second-1"}' || fail 'an event is acknowledged'
db_stop
stop pipeline
is "$STATUS" 0 'with the database away it ends, too'
is "$(files buffer) $(files ready)" '0 1' 'the event waits in ready/'
like "$(log_since pipeline)" 'warn logload: stopped: not all is loaded' 'it says so'
db_start
begin LOGBATCH_MAX_AGE=300ms
ok 'the next start loads it' wait_rows 4

# A statement that waits for a lock is given up after 5 s. The test's drain is
# shorter, its grace not much longer, so that both do not add up unseen.
stop pipeline
lock_logs
begin PIPELINE_DRAIN=1s PIPELINE_GRACE=$((8 * WAIT_SCALE))s \
	LOGBATCH_MAX_AGE=100ms
send_event '{"id":"locked"}' || fail 'an event is acknowledged'
wait_locked_out || give_up 'it does not load'
stop pipeline
is "$STATUS" 0 'with the table locked it ends, too'
like "$(log_since pipeline)" 'warn logload: stopped: not all is loaded' 'it says so'
like "$(log_since pipeline)" 'stopped tool=logload status=0' 'nothing is killed'
unlock_logs
begin LOGBATCH_MAX_AGE=300ms
ok 'the next start loads it' wait_rows 5

# Kill each of them once while events come in.
acknowledged=0
for tool in logbatch logload logrecv; do
	for i in $(seq 100); do
		post "{\"id\":\"$tool-$i\"}"
		[ "$CODE" != 200 ] || acknowledged=$((acknowledged + 1))
		[ "$i" -ne 50 ] || kill -KILL "$(tool_pid "$tool")"
	done
	ok "$tool is killed and started again" wait_for restarted "$tool"
done
num "$acknowledged" -ge 200 "$acknowledged of 300 events were acknowledged"
stop pipeline
is "$STATUS" 0 'SIGTERM ends it with status 0'
distinct=$(sql "SELECT COUNT(DISTINCT $(member id)) FROM logs")
num "$(rows)" -ge $((acknowledged + 5)) 'each acknowledged event is a row'
is "$(rows)" "$distinct" 'once'

listens_again() {
	[ "$(log_since pipeline | grep -c ' listening address=')" -eq 2 ]
}

begin
kill -KILL "$(tool_pid logrecv)"
ok 'logrecv is started again' wait_for listens_again
find_port
ok 'a restarted logrecv takes events' wait_for send_event '{"id":"last"}'
stop pipeline
sql_is "SELECT COUNT(*) FROM logs WHERE $(member id) = 'last'" 1 \
	'which become rows'
done_testing
