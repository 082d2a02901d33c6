#!/usr/bin/env bash
# Whatever code a database refuses an event with, the event is to blame if
# another row is stored after it: then it goes to rejected/ and the rest is
# loaded. What is refused whole is put aside and the files behind it go on, with
# --once and by hand as well. Nothing that only the table is to blame for ever
# rejects an event.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

# Else what was loaded comes back whenever the tables are made anew.
export LOGLOAD_SETTLE=0
COLUMN=(--column 'id=id:varchar(40)')

db_start
spool_new
mkdir -p "$SPOOL/ready"

# The tables anew, with a key of that column.
table() { # [COLUMN]
	sql 'DROP TABLE IF EXISTS logs; DROP TABLE IF EXISTS log_files'
	rm -rf "${SPOOL:?}"/{ready,rejected}/* "${DIR:?}"/rejected/*
	make_tables "${COLUMN[@]}"
	[ -z "${1-}" ] || sql "CREATE UNIQUE INDEX once ON logs ($1)"
}
# Each reason that was given, by its words.
reasons() {
	rejected text | sed -E 's/.*(picky|refused).*/\1/
		s/.*([Dd]uplicate|UNIQUE).*/twice/'
}

# All of a file are a client's repeated events.
table id
events 150 >"$SPOOL/ready/$(ready 1)"
{ cat "$SPOOL/ready/$(ready 1)"; events 1 500; } >"$SPOOL/ready/$(ready 3)"
cp "$SPOOL/ready/$(ready 1)" "$SPOOL/ready/$(ready 2)"
events 5 900 >"$SPOOL/ready/$(ready 4)"
once "${COLUMN[@]}"
is "$STATUS/$(files ready)" 0/0 'duplicates of an id stop nothing'
is "$(rows)" 156 'each event is a row once'
is "$(reasons | uniq -c | xargs)" '300 twice' 'the others are records'

# By the rows' own key it is the same event, whatever became of the ledger.
sql 'DELETE FROM log_files'
events 150 >"$SPOOL/ready/$(ready 1)"
{ events 150; events 3 700; } >"$SPOOL/ready/$(ready 5)"
rm "$SPOOL"/rejected/*
once "${COLUMN[@]}"
is "$STATUS/$(rows)" 0/159 'what is there already is not stored twice'
is "$(ledger 'name, events, rejected' | cut -c 12-)" \
	"$(printf '%s\t150\t0\n%s\t3\t150\n' "$(ready 1)" "$(ready 5)" | cut -c 12-)" \
	'but counted, unless it is another one'

# Each record tells of its own event, in the order of the file.
table id
constrain "event <> 'no'"
# Each event once; then 100 more are a constraint's, and 100 others' duplicates.
events 3200 | sed -E '101~32s/test/no/; 117~32s/.*/{"id":"e0"}&/;
	s/.*"e0"\}\{"id":"e([0-9]+)".*/{"id":"e0","event":"test","n":\1}/' \
	>"$DIR/mixed"
load "${COLUMN[@]}" "$DIR/mixed"
is "$STATUS/$(rows)" 65/3006 'mixed reasons: the others are rows'
is "$(rejected line | xargs)" "$(seq 101 16 3200 | xargs)" \
	'mixed reasons: in the order of the file'
is "$(reasons | uniq -c | sort | uniq -c | xargs)" '97 1 picky 97 1 twice' \
	'mixed reasons: each its own'

# A record that is in its file twice, among instants in no order: no other's
# reason is its own.
table
constrain "event <> 'no'"
refuse "NEW.event = 'shut'"
day=9
while read -r event; do
	echo "{$event,\"@received_at\":\"2001-01-0${day}T00:00:00Z\"}"
	day=$((day - 1))
done >"$SPOOL/ready/$(ready 1)" <<'END'
"event":"test"
"event":"no"
"event":"no"
"event":"shut","n":1
"event":"shut","n":2
"event":"no"
"event":"no"
END
once
twice=$SPOOL/rejected/$(ready 1)
grep '"n":1' "$twice" >"$DIR/twice" && cat "$DIR/twice" >>"$twice"
refuse
run logload --db "$DB_URL" --spool "$SPOOL" --retry-rejected
is "$STATUS/$(rows)/$(rejected line | xargs)" '65/3/2 3 6 7' \
	'a record that is there twice is a row or a record'

# One poison event by itself, among others.
table
constrain "event <> 'no'"
echo '{"event":"no"}' >"$SPOOL/ready/$(ready 1)"
once
is "$STATUS/$(files ready)/$(files rejected)" 78/1/0 'alone it is kept: status 78'
like "$ERR" "the file stays in ready/: .* all of its events are refused: .*$DB_PICKY" \
	'and told of'
events 3 >"$SPOOL/ready/$(ready 2)"
once
is "$STATUS/$(files ready)/$(rows)" 0/0/3 'among others it is not'
is "$(rejected file)/$(rejected code)" "$(ready 1)/$DB_PICKY" 'it is a record'
echo '{"event":"no"}' >"$DIR/a.ndjson"
events 3 >"$DIR/b.ndjson"
load "$DIR/a.ndjson"
is "$STATUS/$(rejected file | wc -l)" 78/1 'by hand: alone it is kept'
load "$DIR/a.ndjson" "$DIR/b.ndjson"
is "$STATUS/$(summary events)/$(summary rejected)" 65/3/1 'and among others not'

# Following: it is aside, and a gauge tells, until others' rows are the witness.
echo '{"event":"no"}' >"$SPOOL/ready/$(ready 3)"
logload_start
ok 'it is put aside' wait_log logload 'the file stays in ready/: '
events 3 >"$SPOOL/ready/.x"
mv "$SPOOL/ready/.x" "$SPOOL/ready/$(ready 4)"
ok 'the ones behind it are loaded' wait_rows 9
is_counted() {
	[ "$(metric logload logload_ready_refused_files)" = "$1" ]
}
ok 'the gauge tells' wait_for is_counted 1
ok 'later it is rejected' wait_for -t 60 no_files ready
is "$(rejected file | tail -n 1)" "$(ready 3)" 'as its record tells'
ok 'and the gauge is 0' wait_for is_counted 0
stop logload

# Told to stop, with time left: its turn comes at once.
echo '{"event":"no"}' >"$SPOOL/ready/$(ready 5)"
logload_start --drain 20s
ok 'one more is put aside' wait_log logload 'the file stays in ready/: '
events 3 >"$SPOOL/ready/.x"
mv "$SPOOL/ready/.x" "$SPOOL/ready/$(ready 6)"
ok 'and another file loaded' wait_rows 12
stop logload
is "$(files ready)/$(rejected file | tail -n 1)" "0/$(ready 5)" \
	'a drain leaves none behind'

# A table that refuses all rows from some on is no event's fault.
table
refuse '(SELECT COUNT(*) FROM logs) > 500'
events 1000 >"$DIR/all.ndjson"
load "$DIR/all.ndjson"
is "$STATUS/$(rows)/$(rejected file)" 78/0/ 'a table that is full amid a file'
like "$ERR" "takes no rows any more: .*$DB_REFUSED" 'and why'

# Nor is one whose column is dropped amid a file. SQLite lets nobody in then.
if [ "$DB" != sqlite ]; then
	table
	events 60000 >"$DIR/amid"
	start amid logload --db "$DB_URL" --rejected-dir "$DIR/rejected" \
		--rate 10000 --chunk 64KiB "$DIR/amid"
	ok 'rows are stored' wait_rows 1
	sql 'ALTER TABLE logs DROP COLUMN level'
	wait_exit amid
	is "$STATUS/$(rejected file)" 78/ 'a column: status 78, nothing is rejected'
	like "$(log_since amid)" ' error .*level' 'and why'
fi

# What is refused whole is kept, however much it is.
table
constrain 'LENGTH(event) <= 2'
events 50000 >"$SPOOL/ready/$(ready 1)"
once
is "$STATUS/$(files ready)" 78/1 'refused whole: kept'

# Of MariaDB alone: in how few statements, by LOAD DATA and by its arrays, and
# what its triggers, keys and rights do.
[ "$DB" = mariadb ] || { done_testing; exit; }
altered() { # CHANGE: the tables anew, with that change of logs
	sql 'DROP TABLE IF EXISTS logs, log_files'
	rm -rf "${SPOOL:?}"/{ready,rejected}/* "${DIR:?}"/rejected/*
	make_tables "${COLUMN[@]}"
	[ -z "$1" ] || sql "ALTER TABLE logs $1"
}

questions() {
	sql "SHOW GLOBAL STATUS LIKE 'Questions'" | cut -f 2
}

# Codes of which no list need know; singled out in one way and the other.
refuses() {
	local name=$1 code=$2

	altered "$3"
	for off in 0 1; do
		sql "SET GLOBAL local_infile=$((1 - off))"
		{ events 40; echo "$4"; events 40 40; echo "$4"; } \
			>"$SPOOL/ready/$(ready "$((1 + off))")"
		once "${COLUMN[@]}"
		is "$STATUS/$(rows)/$(rejected code | xargs)" \
			"0/$((80 + 80 * off))/$(xargs <<<"$code $code $([ "$off" = 0 ] ||
				echo "$code $code")")" "$name: the events at fault alone"
	done
	sql 'SET GLOBAL local_infile=1'
}
refuses 'a CHECK' 4025 'ADD CHECK (event <> "no")' '{"event":"no"}'
sql 'CREATE TABLE known (id VARCHAR(40) PRIMARY KEY) DEFAULT CHARSET=utf8mb4'
sql 'INSERT INTO known VALUES ("x")'
refuses 'a foreign key' 1452 'ADD COLUMN k VARCHAR(40) AS (IF(event = "test",
	"x", event)) STORED, ADD FOREIGN KEY (k) REFERENCES known (id)' '{"event":"no"}'
refuses 'a column too narrow' 1406 'MODIFY level VARCHAR(4)' '{"level":"error"}'
refuses 'no partition' 1526 'PARTITION BY RANGE COLUMNS (received_at)
	(PARTITION p VALUES LESS THAN ("2099-01-01"))' \
	'{"@received_at":"2099-02-03T00:00:00Z"}'

# A trigger that changes the rows' key, or stores elsewhere; seen, or not.
for right in GRANT:TO REVOKE:FROM; do
	altered 'ADD CHECK (event <> "no")'
	sql "${right%:*} TRIGGER ON logs.* ${right#*:} logs@'%'"
	sql 'CREATE OR REPLACE TABLE seen (n INT)'
	tests_mysql --database=logs --delimiter=// -e "CREATE TRIGGER later BEFORE
		INSERT ON logs FOR EACH ROW BEGIN INSERT INTO seen VALUES (1);
		SET NEW.received_at = NEW.received_at + INTERVAL 1 DAY; END"
	{ events 40; echo '{"event":"no"}'; events 40 40; } \
		>"$SPOOL/ready/$(ready 1)"
	once
	is "$STATUS/$(rows)/$(rejected code | xargs)" 0/80/4025 \
		"a trigger, ${right%:*}: each event is a row or a record"
	[ "$right" != GRANT:TO ] || sql_is 'SELECT COUNT(*) FROM seen' 80 \
		'and has done its work once for each row'
done
sql "GRANT ALL ON logs.* TO logs@'%'"

# To single out an event is as cheap in a large table, whatever its key.
read_rows() {
	sql "SELECT SUM(variable_value) FROM information_schema.global_status
		WHERE variable_name LIKE 'Handler_read%'"
}
altered 'DROP PRIMARY KEY, ADD PRIMARY KEY (file_id, line, received_at),
	ADD CHECK (event <> "no")'
events 20000 >"$DIR/many.ndjson"
load "$DIR/many.ndjson"
at='"@received_at":"2001-01-0'
{ events 40 | sed "s/}/,${at}2T00:00:00Z\"}/"; echo "{\"event\":\"no\",${at}1\"}"; \
	events 40 40 | sed "s/}/,${at}3T00:00:00Z\"}/"; } >"$DIR/few.ndjson"
before=$(read_rows)
load "$DIR/few.ndjson"
num "$(($(read_rows) - before))" -le 15000 'by another key: few rows are read'
is "$STATUS/$(rows)/$(rejected code | xargs)" 65/20080/4025 'for the same'

# Values that are cut where errors are warnings, without halving for each.
for off in 0 1; do
	altered 'MODIFY level VARCHAR(4)'
	sql "SET GLOBAL local_infile=$((1 - off))"
	events 1600 | sed '0~16s/}$/,"level":"error"}/' >"$DIR/cut"
	before=$(questions)
	load "${COLUMN[@]}" "$DIR/cut"
	after=$(questions)
	is "$STATUS/$(rows)/$(summary rejected)" 65/1500/100 "cut, $off: those alone"
	num "$((after - before))" -lt 300 "cut, $off: with few statements for each"
done
sql 'SET GLOBAL local_infile=1'

# Each record tells of its own event, and few statements find that out.
for off in 0 1; do
	altered 'ADD UNIQUE (id), ADD CHECK (event <> "no")'
	sql "SET GLOBAL local_infile=$((1 - off))"
	# Each event once; then 100 more are a CHECK's, and 100 others' duplicates.
	events 3200 | sed -E '101~32s/test/no/; 117~32s/.*/{"id":"e0"}&/;
		s/.*"e0"\}\{"id":"e([0-9]+)".*/{"id":"e0","event":"test","n":\1}/' \
		>"$DIR/mixed"
	before=$(questions)
	load "${COLUMN[@]}" "$DIR/mixed"
	after=$(questions)
	is "$STATUS/$(rows)/$(rejected code | sort | uniq -c | xargs)" \
		'65/3006/97 1062 97 4025' "mixed reasons, $off: those alone"
	is "$(rejected line | xargs)" "$(seq 101 16 3200 | xargs)" \
		"mixed reasons, $off: in the order of the file"
	is "$(rejected text | sed -E "s/.*'e0'.*/dup/; s/^CONST.*/no/" | uniq -c |
		sort | uniq -c | xargs)" '97 1 dup 97 1 no' \
		"mixed reasons, $off: each its own"
	num "$((after - before))" -lt 250 "mixed reasons, $off: few statements"
	rm -rf "${DIR:?}"/rejected/*
done
sql 'SET GLOBAL local_infile=1'

# A right that is revoked amid a file is no event's fault.
inserted() {
	sql "SHOW GLOBAL STATUS LIKE 'Handler_write'" | cut -f 2
}
stores_rows() { [ "$(inserted)" -gt $((inserted + 1000)) ]; }
amid() {
	local name=$1 ready=$2 change=$3 code=$4

	shift 4
	altered ''
	sql "REVOKE ALL ON logs.* FROM logs@'%';
		GRANT ALL ON logs.logs TO logs@'%';
		GRANT ALL ON logs.log_files TO logs@'%'"
	events 60000 >"$DIR/amid"
	inserted=$(inserted)
	start amid logload --db "$DB_URL" --rejected-dir "$DIR/rejected" \
		--rate 10000 "$@" "$DIR/amid"
	# shellcheck disable=SC2086 # it has words
	ok "$name: rows are stored" wait_for $ready
	sql "$change"
	wait_exit amid
	is "$STATUS/$(rejected file)" 78/ "$name: status 78, nothing is rejected"
	like "$(log_since amid)" "\($code\)" "$name: and why"
	sql "GRANT ALL ON logs.* TO logs@'%'"
}
amid 'a right' stores_rows "REVOKE INSERT ON logs.logs FROM logs@'%'" 1142

# So many statements for a file of 50,000 events.
altered 'MODIFY event VARCHAR(2)'
events 50000 >"$SPOOL/ready/$(ready 1)"
before=$(questions)
once
num "$(($(questions) - before))" -le 500 'refused whole: known by few statements'
done_testing
