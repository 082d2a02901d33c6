#!/usr/bin/env bash
# Poison in a good file: the rest is loaded, and each bad line is in rejected/
# once, with file, line, offset, the database's own code and text, and the
# event itself. The same for arrays of rows, for LOAD DATA, which hides errors,
# and for INSERT: see logload-stores-the-same-by-each-method.t.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start --log-bin="$DIR/binlog" --server-id=1
deep=$(printf '[%.0s' {1..40})$(printf ']%.0s' {1..40})
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
	sql 'DROP TABLE IF EXISTS logs, log_files'
	make_tables
	sql 'ALTER TABLE logs ADD CONSTRAINT picky CHECK (user_id <> "bad")'
	rm -rf "$SPOOL/rejected"
	cp "$DIR/poison" "$SPOOL/ready/$(ready 1)"
	once --max-event 4KiB
	is "$STATUS" 0 "$1: all is loaded or set aside"
	is "$(rows)" 2997 "$1: the good ones are rows"
	ok "$1: the file is gone" no_files ready
	is "$(rejected file | uniq -c | xargs)" "6 $(ready 1)" "$1: six records"
	is "$(rejected line | xargs)" '1000 2000 2001 2004 2005 3005' "$1: lines"
	is "$(rejected code | xargs)" '4025 0 0 0 0 0' "$1: codes"
	like "$(rejected text)" 'CONSTRAINT .picky. failed' "$1: text"
	like "$(rejected text)" 'nested over the 31 levels that JSON may have' \
		"$1: or of what JSON is there"
	like "$(rejected text)" 'over --max-event \(4096\)' "$1: names the limit"
	like "$(rejected event)" '"id":"refused"' "$1: the event"
	like "$(rejected event)" '\[1,2\]' "$1: a value that is no object"
	like "$(rejected raw)" '"no json"' "$1: what is not JSON, raw"
	is "$(rejected base64 | grep -v '^-' | base64 -d | od -An -tx1)" \
		"$(printf '{"id":"\xff"}' | od -An -tx1)" "$1: not UTF-8, in base64"
	is "$(ledger events,rejected)" "2997	6" "$1: the ledger counts them"
	like "$ERR" ' rejected events=6 file=' "$1: and the log tells"
}

sql 'SET GLOBAL binlog_format=STATEMENT'
method 'LOAD DATA'
first=$(rejected event)
sql 'SET GLOBAL local_infile=0'
method INSERT
is "$(rejected event)" "$first" 'INSERT as LOAD DATA'
sql 'SET GLOBAL binlog_format=ROW, GLOBAL local_infile=1'
method arrays
is "$(rejected event)" "$first" 'and arrays'
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
tests_mysql --database=logs --delimiter=// -e "CREATE TRIGGER picky BEFORE
	INSERT ON logs FOR EACH ROW IF NEW.event = 'no' THEN SIGNAL SQLSTATE
	'45000' SET MYSQL_ERRNO=30001, MESSAGE_TEXT='not this one'; END IF"
rm -rf "$DIR"/rejected/* "$SPOOL/rejected"
{ events 5; echo '{"event":"no"}'; events 5; } >"$DIR/picky.ndjson"
load "$DIR/picky.ndjson"
is "$STATUS" 65 'a SIGNAL of a trigger: status 65'
is "$(summary events)/$(summary rejected)" 10/1 'the others are loaded'
is "$(rejected code)/$(rejected text)" '30001/not this one' 'in its words'
sql 'DROP TRIGGER picky'

# Larger than a statement may be, beside poison: LOAD DATA takes it.
sql "SET GLOBAL max_allowed_packet=65536, max_error_count=0"
rm -rf "$DIR"/rejected/*
{
	printf '{"id":"large","x":"%0200000d"}\n' 0
	echo '{"user_id":"bad"}'
	printf '{"user_id":"bad","x":"%0200000d"}\n' 0
	printf '{"id":"large too","x":"%0200000d"}\n' 0
} >"$DIR/large.ndjson"
load "$DIR/large.ndjson"
is "$(summary events)/$(summary rejected)" 2/2 \
	'over max_allowed_packet: the good ones are loaded'
is "$(rejected line | xargs)" '2 3' 'poison is set aside'
is "$(rejected code | xargs)" '4025 4025' 'for what it is'
sql_is "SELECT line, LENGTH(payload) FROM logs WHERE file_id=$(id_of) ORDER BY line" \
	"1	$(head -n 1 "$DIR/large.ndjson" | tr -d '\n' | wc -c)
4	$(tail -n 1 "$DIR/large.ndjson" | tr -d '\n' | wc -c)" 'whole'
sql "SET GLOBAL max_allowed_packet=DEFAULT, max_error_count=DEFAULT"

# A duplicate, though an init-command has switched the checks off.
sql 'CREATE TABLE keyed LIKE logs; ALTER TABLE keyed ADD UNIQUE (user_id)'
printf '[client]\ninit-command="SET %s"\n' \
	'unique_checks=0, foreign_key_checks=0' >"$DIR/my.cnf"
rm -rf "$DIR"/rejected/*
for i in {1..100} 7; do echo "{\"user_id\":\"u$i\"}"; done >"$DIR/twice.ndjson"
load --defaults-file "$DIR/my.cnf" --table keyed --wait 0s "$DIR/twice.ndjson"
is "$STATUS" 65 'a duplicate: status 65'
is "$(summary events)/$(summary rejected)" 100/1 'it alone is set aside'
is "$(rejected line)/$(rejected code)" 101/1062 'for what it is'

# A file with nothing but poison.
for _ in {1..300}; do printf '{"a":%s}\n' "$deep"; done >"$DIR/all.ndjson"
load "$DIR/all.ndjson"
is "$(summary rejected)" 300 'nothing but poison: all set aside'
is "$(summary events)" 0 'and nothing loaded'
done_testing
