#!/usr/bin/env bash
# pgbouncer gives each transaction another of the server's sessions, and its
# clients share these: nothing that logload needs stays in one, and nothing that
# it sets there is left to others.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

DB=postgresql
db_start
sql "ALTER ROLE logs SET TimeZone = 'Asia/Tokyo'"
port=$(tests_free_port)
DB_URL=postgresql://logs@$DB_HOST:$port/logs
unset LOGLOAD_DB_PASSWORD # pgbouncer has it
echo '"logs" "secret"' >"$DIR/users"
# pgbouncer is none of root's.
mapfile -t as < <(tests_postgresql_as)
bouncer_start() { # MODE
	cat >"$DIR/bouncer.ini" <<-INI
		[databases]
		logs = host=$DB_HOST port=$DB_PORT
		[pgbouncer]
		listen_addr = $DB_HOST
		listen_port = $port
		unix_socket_dir =
		auth_type = trust
		auth_file = $DIR/users
		pool_mode = $1
		min_pool_size = 3
		server_round_robin = 1
		server_login_retry = 1
	INI
	start bouncer setpriv --pdeathsig KILL "${as[@]}" \
		pgbouncer "$DIR/bouncer.ini"
	wait_for through 'SELECT 1' >"$DIR/.answer" 2>&1 ||
		give_up 'pgbouncer does not start'
}
through() {
	psql --no-psqlrc -qtA "$DB_URL" -c "$1"
}
bouncer_start transaction

# --- by hand, in several transactions, with what is refused

make_tables
sql "ALTER TABLE logs ADD CHECK ((payload->>'n')::int % 1000 <> 7)"
events 30000 >"$DIR/a.ndjson"
load --chunk 512KiB "$DIR/a.ndjson"
is "$STATUS $(rows) $(rejected code | sort | uniq -c | xargs)" \
	'65 29970 30 23514' 'what is refused is found'
num "$(ledger progress)" -gt $((2 * 512 * 1024)) 'in several transactions'
load "$DIR/a.ndjson"
is "$(summary skipped)" 1 'it is loaded once'
sql 'ALTER TABLE logs DROP CONSTRAINT logs_payload_check'
run logload --db "$DB_URL" --retry-rejected "$DIR"/rejected/*
is "$STATUS $(rows)" '0 30000' 'what was refused is loaded again'

# --- following, while each of them is killed

spool_new
mkdir -p "$SPOOL/ready"
for i in 1 2 3 4 5 6; do
	events 10000 "$((i * 100000))" >"$SPOOL/ready/$(ready "$i")"
done
logload_start --jobs 2 --chunk 64KiB --rate 20000
ok 'a spool is loaded' wait_rows 40000
kill_hard logload
logload_start --jobs 2 --chunk 64KiB --rate 20000
wait_rows "$(($(rows) + 1000))"
kill_hard bouncer
ok 'without pgbouncer it waits' wait_log logload 'the database is away'
bouncer_start transaction
wait_rows "$(($(rows) + 1000))"
db_kill
db_start
DB_URL=postgresql://logs@$DB_HOST:$port/logs
unset LOGLOAD_DB_PASSWORD
ok 'all is loaded' wait_for -t 60 no_files ready
sql_is "SELECT COUNT(*), COUNT(DISTINCT payload->>'n') FROM logs" \
	'90000	90000' 'each event is a row, once'
sql_is "SELECT DISTINCT received_at FROM logs WHERE (payload->>'n')::int = 100000" \
	'2026-01-01 00:00:01+00' 'at its instant, in UTC'

# --- another transaction is in the way

sql "ALTER ROLE logs SET lock_timeout = '500ms'"
kill_hard bouncer
bouncer_start transaction
lock_logs
events 10 700000 >"$SPOOL/ready/$(ready 7)"
ok 'a conflict is told' wait_log logload 'in conflict .*lock timeout'
unlock_logs
ok 'and is over' wait_rows 90010

# --- the server forgets

sql "DELETE FROM logs WHERE file_id IN (SELECT id FROM log_files WHERE
	name LIKE '20260101T00000%'); DELETE FROM log_files WHERE
	name LIKE '20260101T00000%'"
kill_hard bouncer
bouncer_start transaction
events 10 800000 >"$SPOOL/ready/$(ready 8)"
ok 'a new connection asks what is there' wait_log logload 'has forgotten'
ok 'and all comes back' wait_rows 90020
sql_is "SELECT COUNT(*), COUNT(DISTINCT payload->>'n') FROM logs" \
	'90020	90020' 'once'
stop logload

# --- others

for i in 1 2 3; do
	through "SELECT current_setting('TimeZone'),
		current_setting('client_connection_check_interval', true),
		current_setting('logload.begun', true)"
done | sort -u >"$DIR/others"
is "$(cat "$DIR/others")" 'Asia/Tokyo|0|' 'no session of others has our settings'

kill_hard bouncer
bouncer_start statement
events 5 900000 >"$DIR/new.ndjson"
run logload --db "$DB_URL" --wait 2s "$DIR/new.ndjson"
is "$STATUS" 78 'where there are no transactions: status 78'
like "$ERR" 'statement pooling' 'and why'
done_testing
