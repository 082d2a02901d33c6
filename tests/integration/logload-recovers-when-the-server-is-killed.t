#!/usr/bin/env bash
# The server killed with -9 in the midst of loading, again and again: a commit
# whose answer was lost is neither repeated nor forgotten. logload itself is
# one process all the while.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready"
for i in 1 2 3 4; do
	events 30000 "$((i * 100000))" >"$SPOOL/ready/$(ready "$i")"
	printf '{"bad"\n' >>"$SPOOL/ready/$(ready "$i")"
done
logload_start --jobs 2 --chunk 64KiB --rate 30000
kills=0
done_already() { [ "$(files ready)" -eq 0 ]; }
more_than() { [ "$(rows)" -gt "$1" ] || done_already; }
while [ "$kills" -lt 4 ]; do
	wait_for more_than "$(rows)"
	done_already && break
	db_kill
	kills=$((kills + 1))
	db_start
done
num "$kills" -ge 2 "the server was killed $kills times"
ok 'all is loaded' wait_for -t 90 done_already
is "$(rows)" 120000 'each event is a row'
sql_is "SELECT COUNT(DISTINCT $(member id)) FROM logs" 120000 \
	'once'
is "$(rejected raw | wc -l)" 4 'each bad one a record'
is "$(ledger events,rejected | sort -u)" '30000	1' 'the ledger agrees'
stop logload
is "$STATUS" 0 'status 0'
is "$(metric logload logload_events_loaded_total)" 120000 'and so do they'
done_testing
