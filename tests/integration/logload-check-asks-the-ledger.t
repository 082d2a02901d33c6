#!/usr/bin/env bash
# What the ledger says of each file stands in the report of --check: what was
# loaded before, begun, never committed, or is not what was loaded. A database
# that is away does not keep the rest from being told, and a spool in use is
# no spool that is wrong.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL"/{buffer,ready,rejected,loaded,metrics}

check() {
	run logload --check --spool "$SPOOL" --db "$DB_URL" "$@"
}

tells() {
	like "$OUT" "(^|
)$1" "$2"
}

known_id=0
known() { # NAME BYTES PROGRESS LOADED_AT
	sql "INSERT INTO log_files SELECT $((known_id += 1)), '$1', $2, 1, 1, 0, $3, 1,
		$(sql_now), $4, NULL, NULL"
}

state() {
	find "$SPOOL" -exec stat -c '%n %F %i %Y %Z %s %a' {} + | sort
	find "$SPOOL" -type f -exec cksum {} + | sort
}

events 2 >"$SPOOL/ready/$(ready 9)"
check
is "$STATUS" 0 'a database without tables: nothing is loaded, all is well'
is "$(sql 'SELECT 1 FROM log_files' 2>/dev/null)" '' 'and none are made'
like "$OUT" 'ledger=asked' 'it was asked'
rm "$SPOOL"/ready/*

make_tables
for n in 1 2 3; do
	events 5 >"$SPOOL/ready/$(ready "$n")"
done
for n in 4 5 6; do
	events 5 >"$SPOOL/loaded/$(ready "$n")"
done
size=$(stat -c %s "$SPOOL/ready/$(ready 1)")
known "$(ready 1)" "$size" "$size" "$(sql_now)"
known "$(ready 2)" "$size" 10 NULL
known "$(ready 4)" "$size" "$size" "$(sql_now)"
known "$(ready 6)" "$size" 10 NULL
before=$(state)
check
is "$STATUS" 0 'status 0'
tells "note ready/$(ready 1): loaded before" 'a file that was loaded before'
tells "note ready/$(ready 2): begun: bytes=10 of $size" 'one that is begun'
unlike "$OUT" "ready/$(ready 3)" 'one that is new is not named'
unlike "$OUT" "loaded/$(ready 4)" 'nor one that was loaded and kept'
tells "note loaded/$(ready 5): unknown: .*; it will be loaded again" \
	'in loaded/, and not in the ledger'
tells "note loaded/$(ready 6): incomplete: .*; it will be loaded again" \
	'in loaded/, and not all of it loaded'
like "$OUT" 'wrong=0 notes=4 ledger=asked' 'the sum'
for option in '--settle 1ms --keep' '--settle 0'; do
	# shellcheck disable=SC2086 # these are words
	check $option
	is "$STATUS" 65 "$option: what nobody asks about any more: status 65"
	tells "note loaded/$(ready 5): unknown: .*; it has settled" \
		'the ledger may have been pruned of it'
	tells "wrong loaded/$(ready 6): incomplete: .*; it has settled" \
		'but not of a part'
done
is "$(state)" "$before" 'nothing has changed'
is "$(sql 'SELECT COUNT(*) FROM log_files')" 4 'nor in the ledger'

events 1 >>"$SPOOL/ready/$(ready 1)"
check
tells "wrong ready/$(ready 1): differs: the ledger has $size bytes" \
	'one that has grown since'
events 5 | head -c 9 >"$SPOOL/ready/$(ready 2)"
check
tells "wrong ready/$(ready 2): differs: the ledger has 10 bytes .* has 9" \
	'one that is begun, and has less than that'
events 5 >"$SPOOL/ready/$(ready 2)"

# --- no answer

away=${DB_URL%%:*}://logs@127.0.0.1:1/logs
[ "$DB" != sqlite ] || away=sqlite:$DIR
run logload --check --spool "$SPOOL" --wait 0s --db "$away"
is "$STATUS" 75 'the database is away: status 75'
like "$OUT" 'ready: files=3 bytes=[0-9]+ events=16' 'all else is told'
like "$OUT" 'ledger=not-asked' 'and that it is not all'
if [ "$DB" != sqlite ]; then
	LOGLOAD_DB_PASSWORD=wrong check
	is "$STATUS" 78 'a wrong password: status 78'
fi
run logload --check --spool "$SPOOL"
is "$STATUS" 0 'no database is named: nothing is wrong that can be seen'

# --- in use

spool_new
logrecv_start
logbatch_start --max-age 50ms
logload_start --keep
start sender logsend --url "$URL/log" --rate 500 --duration 60s
ok 'events are coming' wait_rows 500
worst=0
for _ in $(seq 15); do
	check
	[ "$STATUS" -le "$worst" ] || { worst=$STATUS; diag "$OUT" "$ERR"; }
done
is "$worst" 0 'a spool in use: status 0, always'
stop sender
for tool in logrecv logbatch logload; do
	stop "$tool"
	is "$STATUS" 0 "$tool has not noticed"
done
done_testing
