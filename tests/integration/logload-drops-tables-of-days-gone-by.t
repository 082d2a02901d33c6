#!/usr/bin/env bash
# Tables that are named after days are dropped, when all of a day is older than
# --retain: those whose name is exactly what the template may make, that are
# tables of events, and that have no younger one; nothing else is touched. The
# ledger's lines go after them, as with partitions. Killed at any time, nothing
# is lost or doubled.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready"
now=$(date +%s)
day() {
	date -u -d "@$((now + $1 * 86400))" +"${2:-%F}"
}
# at DAYS COUNT KIND: events of that day
at() {
	seq "$2" | sed "s/.*/{\"n\":&,\"event\":\"$3\",\"@received_at\":\"$(
		day "$1")T07:33:51.123456Z\"}/"
}
# file DAYS N: the name of the N-th file of a day, as a spool makes it
file() {
	printf '%s-h-1-%d-0badcafe.ndjson\n' \
		"$(day "$1" %Y%m%dT073351.123456Z)" "$2"
}
put() {
	cat >"$SPOOL/ready/.put"
	mv "$SPOOL/ready/.put" "$SPOOL/ready/$1"
}
# tables: all that there are, with their rows, but for the ledger's
tables() {
	local table

	for table in $(case $DB in
		sqlite) sql "SELECT name FROM sqlite_schema WHERE type = 'table'" ;;
		postgresql) sql "SELECT tablename FROM pg_tables
			WHERE schemaname = 'public'" ;;
		*) sql "SELECT table_name FROM information_schema.tables WHERE
			table_schema = DATABASE() AND table_type LIKE 'BASE%'" ;;
		esac | grep -v log_files | sort); do
		printf '%s:%s\n' "$table" "$(sql "SELECT COUNT(*) FROM $table" 2>/dev/null)"
	done | xargs
}
of() {
	printf 'd_%s_%s\n' "$2" "$(day "$1" %Y%m%d)"
}
by_day=(--table 'd_{event}_%Y%m%d' --tables 'a,b' --table-other other)

{ at -40 30 a; at -31 20 b; at -29 10 a; at 0 5 b; } | put "$(file -40 1)"
once "${by_day[@]}"
all="$(of -40 a):30 $(of -29 a):10 $(of -31 b):20 $(of 0 b):5"
is "$STATUS $(tables)" "0 $all" 'a table for each day, and kind'
once --table 'd_%Y%m%d' --retain 30d
once --table 'd_{event}_%Y%m%d' --tables a --table-other other --retain 60d
once --table 'd_{event}_%m%d' --tables 'a,b' --retain 30d
is "$STATUS $(tables)" "0 $all" \
	'by other templates, and for a longer time, none is dropped'

# What is somebody else's, by a name that is nearly, or quite, of that kind.
sql "CREATE TABLE d_a_2020010 (n INT); CREATE TABLE d_a_20200101x (n INT);
	CREATE TABLE d_c_20200101 (n INT); CREATE TABLE d_a_20200230 (n INT);
	CREATE TABLE d_a_20200101 (n INT); CREATE TABLE xd_a_20200101 (n INT)"
sql "CREATE VIEW d_b_20200101 AS SELECT * FROM $(of 0 b)"
[ "$DB" != postgresql ] || sql 'GRANT SELECT ON d_a_20200101 TO logs'
theirs=(d_a_20200101:0 d_a_20200101x:0 d_a_2020010:0 d_a_20200230:0
	d_c_20200101:0 xd_a_20200101:0)
once "${by_day[@]}" --retain 30d
is "$STATUS" 0 'with --retain'
is "$(tables | xargs -n 1 | sort)" \
	"$(printf '%s\n' "${theirs[@]}" "$(of -29 a):10" "$(of 0 b):5" | sort)" \
	'those of days gone by are dropped, and no others'
like "$ERR" "dropped the table $(of -40 a), which is older" 'it is told'
like "$ERR" 'table d_a_20200101, which is older than --retain, is not dropped' \
	'and which one should be, and is not'

# --- the ledger, which keeps its lines as long as what they speak of is there

lines() {
	sql 'SELECT name FROM log_files' | grep -c -- "-h-1-$1-"
}
age_ledger() {
	sql "UPDATE log_files SET loaded_at = '$(day -40) 08:00:00.000000'"
}
age_ledger
rm -f "$SPOOL"/loaded/*
once "${by_day[@]}" --retain 30d
is "$(lines 1)" 1 'one that is not dropped keeps the lines since then'
sql 'DROP TABLE d_a_20200101'
{ at -41 3 a; echo bad; } | put "$(file -41 2)"
once "${by_day[@]}"
age_ledger
rm -f "$SPOOL"/loaded/*
once "${by_day[@]}" --retain 30d
is "$(lines 1)/$(lines 2)" 0/1 \
	'else they go, but for those that rejected/ may ask about'
unlike "$(tables)" "$(of -41 a)" 'when the tables are gone'
sed -i 's/"raw":"bad"/"event":{"event":"a"}/' "$SPOOL"/rejected/*
run logload --db "$DB_URL" --spool "$SPOOL" --retry-rejected "${by_day[@]}"
is "$STATUS/$(files rejected)" 0/0 'what was rejected is loaded again'
rm -f "$SPOOL"/loaded/*
age_ledger

# --- young events in an old table; no key

at -40 5 a | put "$(file -40 3)"
at -41 5 b | put "$(file -41 4)"
once "${by_day[@]}"
sql "UPDATE $(of -40 a) SET received_at = '$(day 0) 01:00:00.000000'
	WHERE line = 1"
once "${by_day[@]}" --retain 30d
like "$(tables)" "$(of -40 a):[1-9]" 'a table that has a young event stays'
unlike "$(tables)" "$(of -41 b)" 'others do not'
sql "DELETE FROM $(of -40 a)"

# --- one that the database does not let go

for n in 40 41 42; do
	at "-$n" 5 b | put "$(file -40 "5$n")"
done
once "${by_day[@]}"
case $DB in
sqlite) sql "CREATE TRIGGER held BEFORE DELETE ON $(of -41 b)
	BEGIN SELECT RAISE(ABORT, 'held'); END" ;;
postgresql) sql "CREATE VIEW held AS SELECT * FROM $(of -41 b)" ;;
*) sql "CREATE TABLE held (r DATETIME(6), f BIGINT UNSIGNED, l BIGINT UNSIGNED,
	FOREIGN KEY (r, f, l) REFERENCES $(of -41 b) (received_at, file_id, line))" ;;
esac
age_ledger
rm -f "$SPOOL"/loaded/*
once "${by_day[@]}" --retain 30d
like "$ERR" "table $(of -41 b), which is older than --retain, is not dropped" \
	'one that is held'
is "$(tables | xargs -n 1 | grep -c '^d_b_')" 2 'keeps no other one'
is "$(lines 541)" 1 'but its lines'
case $DB in
sqlite) sql 'DROP TRIGGER held' ;;
postgresql) sql 'DROP VIEW held' ;;
*) sql 'DROP TABLE held' ;;
esac

# --- one that somebody has locked

if [ "$DB" != sqlite ]; then
	once "${by_day[@]}" --retain 30d
	for n in 40 41 42; do
		at "-$n" 5 b | put "$(file -40 "6$n")"
	done
	once "${by_day[@]}"
	lock_logs "$(of -42 b)"
	once "${by_day[@]}" --retain 30d
	is "$(tables | xargs -n 1 | grep '^d_b_')" "$(of -42 b):5
$(of 0 b):5" 'one that is locked keeps no other one'
	like "$ERR" "old in the table $(of -42 b) stays until others" 'it is told'
	unlock_logs
fi

# --- killed, while events come

for n in {31..50}; do
	at "-$n" 50 a | put "$(file 0 "1$n")"
done
once "${by_day[@]}"
is "$(tables | xargs -n 1 | grep -c '_a_.*:50')" 20 'twenty days'
for n in {1..10}; do
	NAME=killed$n logload_start "${by_day[@]}" --retain 30d
	at 0 7 b | put "$(file 0 "2$n")"
	before=$(tables | wc -w)
	fewer() { [ "$(tables | wc -w)" -lt "$before" ] || [ "$before" -lt 9 ]; }
	wait_for fewer
	kill_hard "killed$n"
done
logload_start "${by_day[@]}" --retain 30d
gone() { ! tables | grep -q "_a_.*:50"; }
ok 'in the end they are gone' wait_for gone
ok 'and all is loaded' wait_for no_files ready
is "$(sql "SELECT COUNT(*) FROM $(of 0 b)")" 75 'what came meanwhile is there once'
stop logload
unlike "$(cat "$DIR"/killed*.log "$DIR/logload.log")" ' error ' 'without an error'
done_testing
