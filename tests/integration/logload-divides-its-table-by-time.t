#!/usr/bin/env bash
# With --partition the table is divided by days: the next one is made ahead, and
# one that is missing when an event needs it, without an event being lost or
# doubled, whoever is killed meanwhile. What is far from now is rejected, or
# taken by a partition for that. SQLite has none.
# databases: mariadb mysql postgresql
# shellcheck disable=SC2016 # backquotes are MySQL's
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready"
# day N [FORMAT]: so many days from today on
now=$(date +%s)
day() {
	date -u -d "@$((now + $1 * 86400))" +"${2:-%F}"
}
# at N COUNT [FROM]: events of that day
at() {
	events "$2" "${3:-0}" |
		sed "s/}\$/,\"@received_at\":\"$(day "$1")T07:33:51.123456Z\"}/"
}
# partition N: the name of that of a day
partition() {
	case $DB in
	postgresql) printf 'logs_' ;;
	esac
	day "$1" p%Y%m%d
}
drop_partition() {
	case $DB in
	mariadb | mysql) sql "ALTER TABLE logs DROP PARTITION $1" ;;
	postgresql) sql "DROP TABLE $1" ;;
	esac
}
# rows_in NAME...
rows_in() {
	local name n=0

	for name in "$@"; do
		case $DB in
		mariadb | mysql) n=$((n + $(sql "SELECT COUNT(*) FROM logs PARTITION ($name)"))) ;;
		postgresql) n=$((n + $(sql "SELECT COUNT(*) FROM $name"))) ;;
		esac
	done
	printf '%s\n' "$n"
}
has() {
	partitions | grep -qx "$1"
}
doubled() {
	sql 'SELECT COUNT(*) FROM (SELECT 1 FROM logs GROUP BY file_id, line
		HAVING COUNT(*) > 1) d'
}

# --- ahead, and on demand

load --partition day <(at 0 10)
is "$STATUS/$(rows)" 0/10 'events of today'
ok 'their partition' has "$(partition 0)"
ok 'and the next one, ahead' has "$(partition 1)"
ok 'no third' test "$(partitions | grep -c p2)" -eq 2

for n in -9 -2 -5 0 -9; do
	at "$n" 400
done >"$DIR/days"
load --partition day --chunk 64KiB "$DIR/days"
is "$STATUS/$(rows)/$(summary events)" 0/2010/2000 'missing ones are made in mid-file'
is "$(rows_in "$(partition -9)")/$(rows_in "$(partition -5)")" 800/400 'of a day each'
is "$(doubled)/$(summary rejected)" 0/0 'nothing twice, nothing refused'

# --- far

{
	at 0 1
	printf '{"n":%d,"@received_at":"%s"}\n' 1 1970-01-01T00:00:00Z \
		2 2099-12-31T00:00:00Z
} >"$DIR/far"
load --partition day "$DIR/far"
is "$STATUS/$(rows)" 65/2011 'what is far from now is rejected'
is "$(rejected text | sort -u)" \
	'its time is far from any partition (see --partition-else)' 'and why'
run logload --db "$DB_URL" --retry-rejected --partition day \
	--partition-else catch-all "$DIR/rejected"
is "$STATUS/$(rows)" 0/2013 'or taken, by a partition for that'
load --partition day --partition-else catch-all <(at 0 5)
is "$STATUS/$(rows)" 0/2018 'beside which others are made, and filled'
case $DB in
mariadb | mysql) is "$(rows_in p_past p_future)" 2 'it has those two' ;;
postgresql) is "$(rows_in logs_else)" 2 'it has those two' ;;
esac

# --- taken away under a session; and by the clock

logload_start --partition day --jobs 2
at 0 10 >"$DIR/.f"
mv "$DIR/.f" "$SPOOL/ready/$(ready 1)"
ok 'followed' wait_rows 2028
gone=$(rows_in "$(partition 0)" "$(partition 1)")
case $DB in
mariadb | mysql) drop_partition "$(partition 0), $(partition 1), p_future" ;;
postgresql)
	drop_partition "$(partition 0), $(partition 1), logs_else"
	gone=$((gone + 2))
	;;
esac
[ "$(partitions | grep -c p_past)" -eq 0 ] || gone=$((gone + 1))
for n in 2 3 4; do
	at 0 10 >"$DIR/.f"
	mv "$DIR/.f" "$SPOOL/ready/$(ready "$n")"
done
ok 'one that was dropped is made again' wait_for no_files ready
is "$(rows)/$(files rejected)" "$((2028 - gone + 30))/0" 'and has what comes'
made() { [ "$(metric logload logload_partitions_made_total)" -ge 2 ]; }
ok 'which is counted' wait_for made
stop logload

# --- a table of somebody else's

sql 'DROP TABLE logs'
case $DB in
mariadb | mysql)
	own="PARTITION BY RANGE (TO_DAYS(received_at)) (
		PARTITION old VALUES LESS THAN (TO_DAYS('$(day -30)')),
		PARTITION month VALUES LESS THAN (TO_DAYS('$(day 0)')));"
	;;
postgresql)
	own="PARTITION BY RANGE (received_at);
		CREATE TABLE month PARTITION OF logs
		FOR VALUES FROM ('$(day -30)+00') TO ('$(day 0)+00');"
	;;
esac
sql 'DROP TABLE log_files'
schema=$(logload --db "$DB_URL" --print-schema)
head=${schema%%PRIMARY KEY (*}
tail=${schema#"$head"}
"${DB}_as_owner" "$head${tail/;/ $own}"
{ at -3 5; at 0 5; at -29 5; at -40 5; } >"$DIR/own"
load --partition day "$DIR/own"
is "$STATUS/$(rows)" 0/20 'a table with ranges of its own'
is "$(rows_in month)" 10 'they are known by their bounds'
ok 'and what is missing is made' has "$(partition 1)"
is "$(rows_in "$(partition -40)")" 5 'before them, too'

# The name of the partition that is missing is taken.
sql 'DROP TABLE logs, log_files'
case $DB in
mariadb | mysql)
	own="PARTITION BY RANGE COLUMNS (received_at) (
		PARTITION $(partition 0) VALUES LESS THAN ('$(day -30)'),
		PARTITION rest VALUES LESS THAN (MAXVALUE));"
	;;
postgresql)
	own="PARTITION BY RANGE (received_at);
		CREATE TABLE rest PARTITION OF logs DEFAULT;
		CREATE TABLE $(partition 0) (n int);"
	;;
esac
"${DB}_as_owner" "$head${tail/;/ $own}"
load --partition day <(at 0 5)
is "$STATUS/$(rows_in rest)" 0/5 'where DDL fails, the catch-all goes on'
like "$ERR" 'stays without a partition from .*: [A-Z]+: .*'"$(day 0 p%Y%m%d)" \
	'which says why'
[ "$DB" != postgresql ] || sql "DROP TABLE $(partition 0)"

# --- older than all that are left

sql 'DROP TABLE logs'
load --partition day <(at 0 1; at -20 1)
load --partition day --retain 10d <(at 0 1)
load --partition day <(at -15 5)
is "$STATUS/$(rows)" 0/7 'before those that --retain has left, others are made'

# --- killed

sql 'DROP TABLE logs; DELETE FROM log_files'
for n in {-1..-25}; do
	at "$n" 2000
done >"$DIR/many"
for n in {1..12}; do
	NAME=hand$n
	start "$NAME" logload --db "$DB_URL" --partition day --chunk 64KiB \
		"$DIR/many"
	before=$(partitions 2>/dev/null | wc -l)
	more() { [ "$(partitions 2>/dev/null | wc -l)" -gt "$before" ] ||
		! alive "$NAME"; }
	wait_for more
	kill_hard "$NAME"
done
load --partition day --chunk 64KiB "$DIR/many"
is "$STATUS/$(rows)/$(doubled)" 0/50000/0 'killed at each of them, all is there once'

# --- as it is printed

sql 'DROP TABLE logs, log_files'
make_tables --partition day --partition-else catch-all
ok '--print-schema has them' has "$(partition 1)"
load --partition day <(at 0 10)
is "$STATUS/$(rows_in "$(partition 0)")" 0/10 'and they are used'
unlike "$ERR" 'made partitions' 'as they are'

# --- many tables

printf '{"event":"%s","@received_at":"%sT01:00:00Z"}\n' login "$(day 0)" \
	login "$(day -2)" p20990101 "$(day 0)" else "$(day -3)" >"$DIR/tables"
load --partition day --table 'logs_{event}' --tables '*' "$DIR/tables"
is "$STATUS/$(sql 'SELECT COUNT(*) FROM logs_login')/$(rows)" 0/2/12 \
	'tables by event are divided, too'
is "$(sql "SELECT COUNT(*) FROM information_schema.tables WHERE
	table_name = 'logs_p20990101'")" 0 'none takes the name of a partition'

# --- columns under other names

sql 'DROP TABLE logs, log_files'
{ at 0 5; at -3 5; at -40 5; } >"$DIR/renamed"
load --partition day --rename received_at=zeit "$DIR/renamed"
is "$STATUS/$(rows)/$(rows_in "$(partition -40)")" 0/15/5 \
	'whatever the column is called'
load --partition day --rename received_at=zeit --retain 30d <(at 0 5)
is "$STATUS/$(rows)" 0/15 'it is retained by that, too'
done_testing
