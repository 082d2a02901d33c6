#!/usr/bin/env bash
# With tables by event, what has no table of its own goes to another one: for a
# limit, or since the database refuses that table. The ledger being lost, files
# are loaded again, when other values may have come first, the limit is another
# one, or the table is refused no more: no event becomes a row twice.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready"
# kinds N FROM KIND...: so many events, by turns of each kind
kinds() {
	local n=$1 from=$2

	shift 2
	seq "$from" "$((from + n - 1))" | awk -v kinds="$*" 'BEGIN {
		k = split(kinds, kind, " ") }
		{ printf "{\"id\":\"e%d\",\"event\":\"%s\"}\n", $1,
			kind[($1 - 1) % k + 1] }'
}
# counts TABLE...: the rows of each; "-" where it is not there
counts() {
	local table

	for table; do
		sql "SELECT COUNT(*) FROM $table" 2>/dev/null || echo -
	done | xargs
}
lose_the_ledger() {
	sql 'DELETE FROM log_files'
}
by_event=(--table 'few_{event}' --tables '*' --tables-max 2)

kinds 300 1 a b c >"$DIR/first"
kinds 30 301 c >"$DIR/second"
load "${by_event[@]}" "$DIR/first"
is "$STATUS $(counts few_a few_b few_c logs)" '0 100 100 - 100' \
	'two have tables, the third is in the other one'

lose_the_ledger
load "${by_event[@]}" "$DIR/second" "$DIR/first"
is "$STATUS $(counts few_a few_b few_c logs)" '0 100 100 - 130' \
	'tables that are there keep their places, whichever comes first'
lose_the_ledger
load "${by_event[@]}" --tables-max 3 "$DIR/second" "$DIR/first"
is "$STATUS $(counts few_a few_b few_c logs)" '0 100 100 0 130' \
	'where there is a place meanwhile, it is known in the other one'
is "$(summary events)/$(summary rejected)" 330/0 'and counts as loaded'
kinds 60 331 b c >"$DIR/third"
load "${by_event[@]}" --tables-max 3 "$DIR/third"
is "$STATUS $(counts few_b few_c logs)" '0 130 30 130' \
	'which new ones go to their table beside'
lose_the_ledger
load "${by_event[@]}" --tables-max 1 "$DIR/third" "$DIR/second" "$DIR/first"
is "$STATUS $(counts few_a few_b few_c logs)" '0 100 130 30 130' \
	'with a lower limit, too'

# --- refused for a while

sql 'CREATE VIEW few_v AS SELECT * FROM logs'
kinds 20 1 v b >"$DIR/view"
load "${by_event[@]}" --tables-max 9 "$DIR/view"
is "$STATUS $(counts few_b logs)" '0 140 140' 'a table that is refused'
sql 'DROP VIEW few_v'
lose_the_ledger
load "${by_event[@]}" --tables-max 9 "$DIR/view"
is "$STATUS $(counts few_b few_v logs)" '0 140 0 140' \
	'and then is made: they are known in the other one'

# --- by another process, while this one runs

logload_start --jobs 1 --table 'new_{event}' --tables '*' --tables-max 1
kinds 10 1 a >"$SPOOL/ready/.f"
mv "$SPOOL/ready/.f" "$SPOOL/ready/$(ready 1)"
ok 'one follows' wait_for no_files ready
mkdir -p "$DIR/spool2/ready"
kinds 10 1 a d >"$DIR/spool2/ready/$(ready 2)"
cp "$DIR/spool2/ready/$(ready 2)" "$DIR/kept"
run logload --db "$DB_URL" --spool "$DIR/spool2" --once \
	--table 'new_{event}' --tables '*' --tables-max 2
is "$STATUS $(counts new_a new_d)" '0 15 5' 'another one has made a table'
lose_the_ledger
cp "$DIR/kept" "$SPOOL/ready/.f"
mv "$SPOOL/ready/.f" "$SPOOL/ready/$(ready 2)"
ok 'a file of its comes to the first' wait_for no_files ready
is "$(counts new_a new_d logs)" '15 5 140' 'who finds all of it there'
kinds 10 1 e a >"$SPOOL/ready/.f"
mv "$SPOOL/ready/.f" "$SPOOL/ready/$(ready 3)"
ok 'over its limit' wait_for no_files ready
is "$(counts new_a new_e logs)" '20 - 145' 'none is made, nevertheless'
stop logload

# --- of more tables than a session knows at a time, in chunks of any size

if [ "$DB" = sqlite ]; then
	hourly=(--table 'at_%Y%m%d%H' --tables-max 1)
	seq 0 299 | awk '{ printf "{\"n\":%d,\"pad\":\"%0600d\",\"@received_at\":\
\"2026-01-%02dT%02d:00:00Z\"}\n", $1, 0, $1 / 24 + 1, $1 % 24 }' >"$DIR/hours"
	# in_tables: how many, and how many rows they have; and the other one
	in_tables() {
		local tables

		tables=$(sql "SELECT name FROM sqlite_schema WHERE name GLOB 'at_*'
			AND type = 'table'")
		sql "SELECT $(wc -w <<<"$tables"), SUM(n), (SELECT COUNT(*) FROM logs)
			FROM ($(for t in $tables; do
			echo "UNION ALL SELECT COUNT(*) n FROM $t"
		done | sed '1s/UNION ALL//'))" | xargs
	}
	sql 'DELETE FROM logs'
	load "${hourly[@]}" --chunk 64KiB "$DIR/hours"
	is "$STATUS $(in_tables)" '0 300 300 0' 'each hour has its own'
	lose_the_ledger
	load "${hourly[@]}" "$DIR/hours"
	is "$STATUS $(in_tables)" '0 300 300 0' 'and at once, in one chunk, too'
fi

# --- what that costs; of the others it is not told how much is asked

case $DB in
mariadb | mysql)
	selects() {
		sql "SHOW GLOBAL STATUS LIKE 'Com_select'" | cut -f 2
	}
	kinds 3000 1 many no none >"$DIR/many"
	before=$(selects)
	load --table 'one_{event}' --tables many "$DIR/many"
	num "$(($(selects) - before))" -lt 200 \
		'no event is asked about for the sake of those beside it'
	is "$STATUS $(counts one_many logs)" '0 1000 2145' 'all are there'
	;;
esac
done_testing
