#!/usr/bin/env bash
# Several processes, each with several jobs, on one spool: every event once,
# and none waits for another. Both may make the tables.
# databases: mariadb mysql postgresql sqlite odbc
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready" "$DIR/new"
for i in $(seq 40); do
	events 500 "$((i * 1000))" >"$SPOOL/ready/$(ready "$i")"
done
NAME=one logload_start --jobs 2
NAME=two logload_start --jobs 2
for i in $(seq 41 80); do
	events 500 "$((i * 1000))" >"$DIR/new/$(ready "$i")"
	mv "$DIR/new/$(ready "$i")" "$SPOOL/ready/"
done
ok 'all is loaded' wait_for -t 60 no_files ready
is "$(rows)" 40000 'each event is a row'
sql_is "SELECT COUNT(DISTINCT $(member id)) FROM logs" 40000 \
	'once'
stop one
is "$STATUS" 0 'one stops with status 0'
stop two
is "$STATUS" 0 'so does the other'
loaded=$(($(metric logload logload_files_loaded_total) + \
	$(metric logload-2 'logload_files_loaded_total{process="2"}')))
is "$loaded" 80 'their counts add up'
unlike "$(cat "$DIR"/one.log "$DIR"/two.log)" ' error ' 'and no error was met'
done_testing
