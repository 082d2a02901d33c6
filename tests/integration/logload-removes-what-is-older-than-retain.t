#!/usr/bin/env bash
# What is older than --retain goes: whole partitions, or rows in small steps. A
# line of the ledger goes after its events, but while a file of ready/, loaded/
# or rejected/ needs it: nothing is loaded again, and no retry refused. A clock
# that is wrong removes nothing.
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
at() {
	events "$2" "${3:-0}" |
		sed "s/}\$/,\"@received_at\":\"$(day "$1")T07:33:51.123456Z\"}/"
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
# As if it had been loaded on the day of its name.
age_ledger() {
	local name

	for name in $(sql "SELECT name FROM log_files WHERE name LIKE '%Z-h-%'"); do
		sql "UPDATE log_files SET loaded_at =
			'${name:0:4}-${name:4:2}-${name:6:2} 08:00:00.000000'
			WHERE name = '$name'"
	done
}
lines() {
	sql 'SELECT name FROM log_files ORDER BY name'
}

# --- rows, where there are no partitions

at -40 12000 | put "$(file -40 1)"
at -35 10 | put "$(file -35 2)"
at -29 10 | put "$(file -29 3)"
at 0 10 | put "$(file 0 4)"
once
is "$STATUS/$(rows)" 0/12030 'old events, and young ones'
once --retain 30d
is "$STATUS/$(rows)" 0/20 'the old ones are removed'
like "$ERR" 'deleted what is older than --retain:.* rows=12010' 'and counted'
is "$(lines | wc -l)" 4 'the ledger has them until as much time is over'

# --- the ledger

# One by hand, and one with a record, and one whose loaded/ comes back.
at -40 2 >"$DIR/by-hand"
load "$DIR/by-hand"
{ at -39 1; echo bad; } | put "$(file -39 5)"
at -38 2 | put "$(file -38 6)"
once
rm -f "$SPOOL"/loaded/*-h-1-[1-5]-*
age_ledger
cp "$SPOOL/loaded/$(file -38 6)" "$DIR/kept"
once --retain 30d
is "$STATUS" 0 'once more, when a month is over'
is "$(lines | grep -c -e "$(file -40 1)" -e "$(file -35 2)")" 0 \
	'lines go whose events are gone'
is "$(lines | grep -c -e "$(file -29 3)" -e "$(file 0 4)")" 2 'others stay'
is "$(lines | grep -c '^by-hand@')" 1 'and that of a file by hand'
is "$(lines | grep -c "$(file -39 5)")" 1 \
	'and where rejected/ has something of it'
is "$(lines | grep -c "$(file -38 6)")" 1 'and where loaded/ has it'
load "$DIR/by-hand"
is "$(summary skipped)" 1 'nothing is loaded again'

before=$(rows)
sed -i 's/"raw":"bad"/"event":{"event":"mended"}/' "$SPOOL"/rejected/*
run logload --db "$DB_URL" --spool "$SPOOL" --retry-rejected
is "$STATUS/$(files rejected)/$(rows)" "0/0/$((before + 1))" \
	'what was rejected is loaded again'
rm -f "$SPOOL"/loaded/*
age_ledger
once --retain 30d
is "$(lines | grep -c -e -h-1-5- -e -h-1-6-)" 0 'and then they go, too'

# --- by the clock, while files come

at -50 20000 | put "$(file -50 7)"
once
logload_start --retain 30d
at 0 10 | put "$(file 0 8)"
few() { [ "$(rows)" -le 30 ]; }
ok 'one that follows does so at its start' wait_for few
counted() { [ "$(metric logload "$1")" -ge "$2" ] 2>/dev/null; }
ok 'which is counted' wait_for counted logload_rows_expired_total 20000
ok 'and tells from when the oldest is' wait_for counted \
	logload_oldest_kept_timestamp_seconds "$((now - 30 * 86400))"
stop logload

# Listing them takes longer than a turn has.
if [ "$DB" = sqlite ]; then
	at -40 1 | put "$(file -40 8)"
	once
	rm -f "$SPOOL"/loaded/*
	age_ledger
	: >"$DIR/empty"
	perl -e 'for my $i (100000 .. 159999) {
		my $name = $ARGV[1] =~ s/\.\d+/.$i/r;
		link $ARGV[0], $name or die "$name: $!";
	}' "$DIR/empty" "$SPOOL/rejected/$(file -39 8)"
	logload_start --retain 30d
	pruned() { ! lines | grep -q "$(file -40 8)"; }
	ok 'among very many files, too' wait_for pruned
	stop logload
	find "$SPOOL/rejected" -name '*-h-1-8-*' -delete
fi

# Some hundreds of them are one question.
if [ "$DB" = postgresql ]; then
	for n in {100..999}; do
		: >"$SPOOL/rejected/$(day -39 %Y%m%dT073351.123)${n}Z-h-1-9.ndjson"
	done
	at -40 1 | put "$(file -40 8)"
	at -38 1 | put "$(file -38 10)"
	once
	rm -f "$SPOOL"/loaded/*
	age_ledger
	sql "ALTER ROLE logs SET log_statement = 'all'"
	once --retain 30d
	sql "ALTER ROLE logs RESET log_statement"
	is "$(lines | grep -c -e "$(file -40 8)" -e "$(file -38 10)")" 0 \
		'lines between births go'
	num "$(grep -c 'DELETE FROM "log_files"' "$DIR/postgresql.log")" -le 20 \
		'by few statements'
	find "$SPOOL/rejected" -name '*-h-1-9.ndjson' -delete
fi

# --- of many tables, those too that no event has come to since the start

by_event=(--table 'e_{event}' --tables '?' --table-other logs)
# left TABLE...: how many rows each has
left() {
	local table

	for table; do
		sql "SELECT COUNT(*) FROM $table"
	done | xargs
}
kinds() {
	local kind

	for kind in a b c; do
		at -40 "$1" | sed "s/\"test\"/\"$kind\"/"
	done
}
old() {
	sql "SELECT COUNT(*) FROM logs WHERE received_at < '$(day -30)'"
}
{ kinds 100; at -40 7; } | put "$(file -40 11)"
once "${by_event[@]}"
is "$STATUS $(left e_a e_b e_c) $(old)" '0 100 100 100 7' 'tables by event'
rm -f "$SPOOL"/loaded/*
age_ledger
[ "$DB" = sqlite ] || lock_logs e_a
at 0 1 | put "$(file 0 12)"
once "${by_event[@]}" --retain 30d
if [ "$DB" = sqlite ]; then
	is "$STATUS $(left e_a e_b e_c) $(old)" '0 0 0 0 0' 'are cleared'
else
	is "$STATUS $(left e_a e_b e_c) $(old)" '0 100 0 0 0' \
		'are cleared, but for one that is locked'
	like "$ERR" 'old in the table e_a stays until others' 'which is told'
	is "$(lines | grep -c -e -h-1-11-)" 1 'and keeps the lines'
	unlock_logs
	once "${by_event[@]}" --retain 30d
	is "$STATUS $(left e_a)" '0 0' 'until it is let go'
fi
is "$(lines | grep -c -e -h-1-11-)" 0 'and with the rows their lines go'

# --- a clock that is wrong

unlike "$(cat "$DIR"/*.log)" 'if that is behind' 'a clock that is right'
at 3 1 >"$DIR/ahead"
load "$DIR/ahead"
once --retain 30d
like "$ERR" 'newest event is of .*: if that is behind, what is older than' \
	'one that is behind removes too little, which is told'
sql "DELETE FROM logs"
at -800 10 >"$DIR/old"
load "$DIR/old"
once --retain 30d
is "$(rows)" 10 'where the newest is over a year old, nothing is removed'
like "$ERR" 'nothing is removed: the clock says' 'and that is an error'

# --- a table without the rows' own key, which nothing is removed from

sql 'DELETE FROM logs'
at 0 10 >"$DIR/young"
load "$DIR/young"
at -40 10 >"$DIR/$(file -40 9)"
load "$DIR/$(file -40 9)"
age_ledger
case $DB in
sqlite) sql 'ALTER TABLE logs RENAME TO keyed;
	CREATE TABLE logs AS SELECT * FROM keyed; DROP TABLE keyed' ;;
postgresql) sql 'ALTER TABLE logs DROP CONSTRAINT logs_pkey' ;;
*) sql 'ALTER TABLE logs DROP PRIMARY KEY' ;;
esac
once --retain 30d
like "$ERR" 'nothing is removed from the table logs: it needs UNIQUE' 'it says so'
load "$DIR/$(file -40 9)"
is "$(summary skipped)/$(rows)" 1/20 'the ledger stays, lest rows be doubled'

# --- whole partitions

if [ "$DB" = sqlite ]; then
	once --partition day
	is "$STATUS" 64 'SQLite has no partitions'
	like "$ERR" 'has no partitions; --retain works without' 'and says so'
	done_testing
	exit
fi
sql 'DROP TABLE logs; DELETE FROM log_files'
for n in -40 -35 -31 -29 0; do
	at "$n" 100
done >"$DIR/days"
load --partition day "$DIR/days"
is "$STATUS/$(rows)" 0/500 'a table of days'
load --partition day --retain 30d <(at 0 5; at -60 5)
is "$STATUS/$(rows)" 65/205 'the old ones are dropped, and none is made'
like "$ERR" 'dropped the partition' 'as wholes'
unlike "$ERR" 'deleted what' 'and not by rows'
num "$(partitions | grep -c "p$(day -40 %Y%m%d)")" -eq 0 'they are gone'
num "$(partitions | grep -c "p$(day -29 %Y%m%d)")" -eq 1 'others are not'

at 0 5 >"$DIR/more"
lock_logs
start hand logload --db "$DB_URL" --partition day --retain 27d "$DIR/more"
ok 'whoever has the table is not waited for for long' \
	wait_log hand 'what is too old in the table logs stays until others'
unlock_logs
wait_exit hand
is "$STATUS" 0 'and what is to be loaded is'

sql 'DROP TABLE logs'
load --partition day --partition-else catch-all <(at 0 1; at -600 5)
load --partition day --partition-else catch-all --retain 500d <(at 0 1)
is "$STATUS/$(rows)" 0/2 'of a catch-all, rows'
done_testing
