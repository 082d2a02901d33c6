#!/usr/bin/env bash
# SPOOL/metrics/logload.prom while following, --keep, and the two tables as
# they stand in schema.sql.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready"
logload_start --keep
{ events 10; echo bad; echo '{"event":["x"]}'; } >"$DIR/f"
size=$(stat -c %s "$DIR/f")
mv "$DIR/f" "$SPOOL/ready/$(ready 1)"
ok 'loaded' wait_rows 11
ok 'kept in loaded/' wait_for test -f "$SPOOL/loaded/$(ready 1)"
counted() { [ "$(metric logload "$1")" = "$2" ]; }
ok 'files' wait_for counted logload_files_loaded_total 1
ok 'events' wait_for counted logload_events_loaded_total 11
ok 'bytes' wait_for counted logload_bytes_loaded_total "$size"
ok 'rejected' wait_for counted logload_events_rejected_total 1
ok 'values' wait_for counted logload_values_null_total 1
ok 'chunks' wait_for counted logload_load_seconds_count 1
ok 'commits' wait_for counted logload_commit_seconds_count 1
# Received on the day that its name tells.
lag=$(($(date +%s) - $(date -d '2026-01-01 00:00:01 UTC' +%s)))
off=$(metric logload logload_lag_seconds)
off=$((lag - ${off%.*}))
num "${off#-}" -le $((60 * WAIT_SCALE)) 'the lag'
is "$(metric logload logload_database_up)" 1 'the database is up'
num "$(metric logload logload_last_success_timestamp_seconds)" -gt \
	"$(($(date +%s) - 600))" 'the last success is recent'
cp "$SPOOL/loaded/$(ready 1)" "$SPOOL/ready/.x"
mv "$SPOOL/ready/.x" "$SPOOL/ready/$(ready 1)"
ok 'skipped' wait_for counted logload_files_skipped_total 1
is "$(files ready)/$(files loaded)" 0/1 'and kept once'
stop logload

run logload --print-schema
is "$STATUS" 0 '--print-schema: status 0'
is "$OUT" "$(grep -v '^--' "$TOP/cmd/logload/schema.sql" | sed '/./,$!d')" \
	'schema.sql is what it prints'
case $DB in
mariadb | mysql)
	made=$(sql 'SHOW CREATE TABLE logs; SHOW CREATE TABLE log_files')
	sql 'DROP TABLE logs; DROP TABLE log_files'
	sql "$(cat "$TOP/cmd/logload/schema.sql")"
	is "$(sql 'SHOW CREATE TABLE logs; SHOW CREATE TABLE log_files')" "$made" \
		'and what it makes'
	;;
esac

# A bar for a terminal's eyes, on stderr; the summary is on stdout.
events 50000 >"$DIR/b"
load --progress always "$DIR/b"
like "$ERR" '\[[#.]+\] +[0-9]+%  [0-9.]+ MB  [0-9.]+ MB/s' \
	'a progress bar'
unlike "$OUT" '%' 'not on stdout'
load --force "$DIR/b"
unlike "$ERR" '%' 'and not where there is no terminal'
done_testing
