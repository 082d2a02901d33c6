#!/usr/bin/env bash
# Poison in a good file: the rest is loaded, and each bad line is in rejected/
# once, with file, line, offset, the database's own code and text, and the
# event itself. The same by each way of MariaDB: by arrays of rows, by LOAD DATA,
# which hides errors, and by INSERT; see logload-stores-the-same-by-each-method.t.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

options=()
[ "$DB" != mariadb ] || options=(--log-bin="$DIR/binlog" --server-id=1)
db_start "${options[@]}"
# Deeper than --max-depth.
deep=$(printf '[%.0s' {1..1500})$(printf ']%.0s' {1..1500})
spool_new
mkdir -p "$SPOOL/ready"
{
	events 999
	echo '{"id":"refused","user_id":"bad"}'
	events 999 1000
	printf '{"id":"no json"\n'
	printf '[1,2]\n'
	printf '\n   \n'
	printf '{"id":"\xff"}\n'
	printf '{"id":"long","x":"%05000d"}\n' 0
	events 999 2000
	printf '{"id":"deep too","a":%s}\n' "$deep"
} >"$DIR/poison"

method() {
	sql 'DROP TABLE IF EXISTS logs; DROP TABLE IF EXISTS log_files'
	make_tables
	constrain "user_id <> 'bad'"
	rm -rf "$SPOOL/rejected"
	cp "$DIR/poison" "$SPOOL/ready/$(ready 1)"
	once --max-event 4KiB
	is "$STATUS" 0 "$1: all is loaded or set aside"
	is "$(rows)" 2997 "$1: the good ones are rows"
	ok "$1: the file is gone" no_files ready
	is "$(rejected file | uniq -c | xargs)" "6 $(ready 1)" "$1: six records"
	is "$(rejected line | xargs)" '1000 2000 2001 2004 2005 3005' "$1: lines"
	is "$(rejected code | xargs)" "$DB_PICKY 0 0 0 0 0" "$1: codes"
	like "$(rejected text)" picky "$1: text"
	like "$(rejected text)" 'nested over ' "$1: or of how deep it is"
	like "$(rejected text)" 'over --max-event \(4096\)' "$1: names the limit"
	like "$(rejected event)" '"id":"refused"' "$1: the event"
	like "$(rejected event)" '\[1,2\]' "$1: a value that is no object"
	like "$(rejected raw)" '"no json"' "$1: what is not JSON, raw"
	is "$(rejected base64 | grep -v '^-' | base64 -d | od -An -tx1)" \
		"$(printf '{"id":"\xff"}' | od -An -tx1)" "$1: not UTF-8, in base64"
	is "$(ledger events,rejected)" "2997	6" "$1: the ledger counts them"
	like "$ERR" ' rejected events=6 file=' "$1: and the log tells"
}

if [ "$DB" = mariadb ]; then
	sql 'SET GLOBAL binlog_format=STATEMENT'
	method 'LOAD DATA'
	first=$(rejected event)
	sql 'SET GLOBAL local_infile=0'
	method INSERT
	is "$(rejected event)" "$first" 'INSERT as LOAD DATA'
	sql 'SET GLOBAL binlog_format=ROW, GLOBAL local_infile=1'
fi
method 'as it does by itself'
[ "$DB" != mariadb ] || is "$(rejected event)" "$first" 'and arrays'
offset=$(rejected offset | head -n 1)
is "$(tail -c "+$((offset + 1))" "$DIR/poison" | head -n 1 | cut -c 1-12)" \
	'{"id":"refus' 'the offset is where the event begins'

cp "$DIR/poison" "$DIR/hand.ndjson"
load --max-event 4KiB "$DIR/hand.ndjson"
is "$STATUS" 65 'by hand: status 65'
ok 'in a file beside' test -s "$(echo "$DIR"/rejected/hand.ndjson@*.rejected.ndjson)"

# What a crash has left of an earlier try.
events 5 >"$SPOOL/ready/$(ready 2)"
echo '{"file":"' >"$SPOOL/rejected/.$(ready 2).0123abcd-1.tmp"
once
is "$(find "$SPOOL/rejected" -name '.*.tmp')" '' 'no draft of a crash stays'

# Two long names that differ at their end alone.
long=$(printf 'x%.0s' {1..150})
echo '{bad' >"$SPOOL/ready/$long-a.ndjson"
echo '{worse' >"$SPOOL/ready/$long-b.ndjson"
rm -rf "$DIR"/rejected/* "$SPOOL"/rejected/*
once
is "$(rejected raw | sort | xargs)" '{bad {worse' 'long names have a file each'
is "$(files rejected)" 2 'in rejected/'

# A trigger's own words, with a code that nobody knows.
refuse "NEW.event = 'no'"
rm -rf "$DIR"/rejected/* "$SPOOL/rejected"
{ events 5; echo '{"event":"no"}'; events 5; } >"$DIR/picky.ndjson"
load "$DIR/picky.ndjson"
is "$STATUS" 65 'refused by a trigger: status 65'
is "$(summary events)/$(summary rejected)" 10/1 'the others are loaded'
is "$(rejected code)" "$DB_REFUSED" 'by its code'
like "$(rejected text)" '^refused' 'in its words'
refuse

# Larger than a statement may be where one may not be large, beside poison.
[ "$DB" != mariadb ] ||
	sql 'SET GLOBAL max_allowed_packet=65536, max_error_count=0'
rm -rf "$DIR"/rejected/*
{
	printf '{"id":"large","x":"%0200000d"}\n' 0
	echo '{"user_id":"bad"}'
	printf '{"user_id":"bad","x":"%0200000d"}\n' 0
	printf '{"id":"large too","x":"%0200000d"}\n' 0
} >"$DIR/large.ndjson"
load "$DIR/large.ndjson"
is "$(summary events)/$(summary rejected)" 2/2 \
	'large ones beside poison: the good ones are loaded'
is "$(rejected line | xargs)" '2 3' 'poison is set aside'
is "$(rejected code | xargs)" "$DB_PICKY $DB_PICKY" 'for what it is'
sql_is "SELECT line FROM logs WHERE file_id=$(id_of) AND
	LENGTH($(payload)) > 200000 ORDER BY line" '1
4' 'whole'
[ "$DB" != mariadb ] ||
	sql 'SET GLOBAL max_allowed_packet=DEFAULT, max_error_count=DEFAULT'

# A duplicate, though an init-command has switched MySQL's checks off.
sql 'DROP TABLE logs; DROP TABLE log_files'
make_tables
sql 'CREATE UNIQUE INDEX once ON logs (user_id)'
printf '[client]\ninit-command="SET %s"\n' \
	'unique_checks=0, foreign_key_checks=0' >"$DIR/my.cnf"
rm -rf "$DIR"/rejected/*
for i in {1..100} 7; do echo "{\"user_id\":\"u$i\"}"; done >"$DIR/twice.ndjson"
load --defaults-file "$DIR/my.cnf" --wait 0s "$DIR/twice.ndjson"
is "$STATUS" 65 'a duplicate: status 65'
is "$(summary events)/$(summary rejected)" 100/1 'it alone is set aside'
is "$(rejected line)" 101 'in its place'
like "$(rejected text)" '[Dd]uplicate|UNIQUE' 'for what it is'

# A file with nothing but poison.
for _ in {1..300}; do printf '{"a":%s}\n' "$deep"; done >"$DIR/all.ndjson"
load "$DIR/all.ndjson"
is "$(summary rejected)" 300 'nothing but poison: all set aside'
is "$(summary events)" 0 'and nothing loaded'

# Where a database's own JSON is not so deep, that is told without asking it.
rm -rf "$DIR"/rejected/*
{ events 3; printf '{"a":%s}\n' "${deep:1200:600}"; } >"$DIR/deep.ndjson"
load "$DIR/deep.ndjson"
like "$STATUS$(rejected text)" \
	'^(0|65nested over the [0-9]+ levels that JSON may have .*)$' \
	'300 levels are stored, or are too many'
done_testing
