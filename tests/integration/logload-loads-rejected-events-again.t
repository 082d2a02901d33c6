#!/usr/bin/env bash
# A human has mended the table: --retry-rejected makes rows of what it had
# refused, byte for byte. What is refused again keeps the place where it came
# from, and what can never be a row stays as it is.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

options=()
[ "$DB" != mariadb ] || options=(--log-bin="$DIR/binlog" --server-id=1)
db_start "${options[@]}"
spool_new
# It prunes the ledger, which else would be reminded.
export LOGLOAD_SETTLE=0

retry() {
	run logload --db "$DB_URL" --spool "$SPOOL" --retry-rejected "$@"
}

# The event of that number, with a name so long.
event() {
	printf '{"event":"%0*d",  "n":%d,"@received_at":"2026-01-0%dT00:00:00.00000%dZ"}' \
		"$2" 0 "$1" "$1" "$1"
}

# As if the column were so narrow; the rows that are there stay.
narrow() {
	refuse "LENGTH(NEW.event) > $1"
}

# The same, among others that are not refused.
among() {
	printf '{}\n'
	event "$@"
	printf '\n'
}

tests_listing() {
	find "$SPOOL/rejected" -type f -exec stat -c '%n %Y %s %i' {} + | sort
	find "$SPOOL/rejected" -type f -exec cat {} + | cksum
}

method() {
	sql 'DROP TABLE IF EXISTS logs; DROP TABLE IF EXISTS log_files'
	rm -rf "$SPOOL"
	mkdir -p "$SPOOL/ready"
	make_tables
	narrow 4
	{
		event 1 4
		printf '\nno JSON\n'
		event 2 6
		printf '\r\n'
		printf '[1,2]\n{"id":"\xff"}\n  '
		event 3 8
		printf '\n'
	} >"$SPOOL/ready/$(ready 1)"
	offset=$(grep -abo '{"event":"00000000"' "$SPOOL/ready/$(ready 1)")
	once
	is "$(rejected code | xargs)" "0 $DB_REFUSED 0 0 $DB_REFUSED" "$1: refused at first"
	kept=$(grep -v '"event":{' "$SPOOL"/rejected/*)

	# Nothing was mended: only the names and the stamps are others.
	before=$(rejected line && rejected offset && rejected text)
	retry
	is "$STATUS" 65 "$1: nothing mended: status 65"
	is "$(summary events)/$(summary rejected)/$(summary kept)" 0/5/3 \
		"$1: the summary tells what is refused and what kept"
	is "$(rejected line && rejected offset && rejected text)" "$before" \
		"$1: refused again, as it was"
	is "$(files rejected)" 1 "$1: in one file"

	narrow 6
	retry
	is "$STATUS" 65 "$1: half mended: status 65"
	is "$(summary events)/$(summary rejected)/$(summary kept)" 1/4/3 \
		"$1: one more is a row"
	sql_is 'SELECT payload FROM logs WHERE line = 3' \
		"$(as_stored "$(event 2 6)")" "$1: byte for byte, at the line that it had"
	sql_is "SELECT $(instant received_at), event FROM logs WHERE line = 3" \
		"2026-01-02 00:00:00.000002	000000" "$1: with its columns"
	is "$(rejected line | xargs)" '2 4 5 6' "$1: the others are still there"
	is "$(rejected file | uniq)" "$(ready 1)" "$1: with the file of the first"
	is "$(rejected offset | tail -n 1)" "${offset%%:*}" "$1: and the offset"
	is "$(rejected code | xargs)" "0 0 0 $DB_REFUSED" "$1: and the new code"
	is "$(grep -v '"event":{' "$SPOOL"/rejected/*)" "$kept" \
		"$1: what is no event, byte for byte"

	before=$(tests_listing)
	retry --dry-run
	is "$STATUS" 65 "$1: --dry-run: status 65"
	like "$OUT" 'would load: .* events=1 rejected=3 ' \
		"$1: --dry-run tells what could be loaded"
	is "$(tests_listing)" "$before" "$1: --dry-run changes nothing"
	is "$(rows)" 2 "$1: nor the table"

	narrow 64
	retry
	is "$STATUS/$(summary events)/$(summary kept)" 65/1/3 "$1: all mended"
	is "$(rejected line | xargs)" '2 4 5' "$1: what is no event stays"
	sql_is 'SELECT line, payload FROM logs ORDER BY line' "1	$(as_stored "$(event 1 4)")
3	$(as_stored "$(event 2 6)")
6	$(as_stored "$(event 3 8)")" "$1: all events are rows"
	before=$(tests_listing)
	retry
	is "$STATUS/$(summary events)/$(summary kept)" 65/0/3 \
		"$1: nothing to try"
	is "$(tests_listing)" "$before" "$1: not touched"
	like "$ERR" 'kept, .* records=3' "$1: and said so"
	is "$(sql 'SELECT SUM(events), COUNT(*) FROM log_files')" "3	4" \
		"$1: each load is in the ledger"
	sql_is 'SELECT COUNT(DISTINCT file_id) FROM logs' 1 \
		"$1: all under the file that they came in"
}

method 'as it does by itself'
if [ "$DB" = mariadb ]; then
	sql 'SET GLOBAL binlog_format=STATEMENT, GLOBAL local_infile=0'
	method INSERT
	sql 'SET GLOBAL binlog_format=ROW, GLOBAL local_infile=1'
fi

# Nothing but what can be mended: nothing is left, and all is well.
narrow 4
among 4 9 >"$SPOOL/ready/$(ready 2)"
once
narrow 64
rm "$SPOOL"/rejected/*@retry*
retry
is "$STATUS/$(summary events)" 0/1 'all is loaded: status 0'
is "$(files rejected)" 0 'nothing is left'
retry
is "$STATUS/$(summary files)" 0/0 'nothing to do: status 0'

# However often it is tried, the name stays of one length.
narrow 4
among 5 9 >"$SPOOL/ready/$(ready 3)"
once
for _ in 1 2 3 4; do
	retry
	echo "$SPOOL"/rejected/*
done >"$DIR/names"
is "$(sort -u "$DIR/names" | wc -l)" 4 'each retry makes a new name'
is "$(awk '{ print length }' "$DIR/names" | sort -u | wc -l)" 1 'as long'
is "$(rejected line)" 2 'of one record'

# All of one are refused again, and others are loaded.
narrow 64
retry
is "$STATUS/$(files rejected)" 0/0 'and is loaded in the end'
{ events 150; event 6 4; } | sed 's/test/testing/' >"$SPOOL/ready/$(ready 4)"
narrow 4
once
among 7 5 >"$SPOOL/ready/$(ready 6)"
once
is "$(files rejected)" 2 'one more is rejected'
narrow 5
retry
is "$STATUS/$(summary events)/$(summary rejected)" 65/1/150 \
	'the table still refuses all of a file: status 65, others are loaded'
narrow 64
retry
is "$STATUS/$(files rejected)" 0/0 'until it is mended'
sql_is "SELECT COUNT(*) FROM logs WHERE event='testing'" 150 'all are rows'

# Of a file by hand.
narrow 4
{ event 7 4; echo; event 8 9; } >"$DIR/by hand.ndjson"
load "$DIR/by hand.ndjson"
is "$STATUS" 65 'by hand: rejected'
narrow 6
run logload --db "$DB_URL" --retry-rejected "$DIR"/rejected/*
is "$STATUS" 65 'and again'
is "$(rejected file | cut -d@ -f1)/$(rejected line)" 'by hand.ndjson/2' \
	'kept beside the old file'
is "$(find "$DIR/rejected" -type f | wc -l)" 1 'which has gone'
narrow 64
(cd "$DIR/rejected" && logload --db "$DB_URL" --retry-rejected ./*) \
	>"$DIR/out" 2>&1
is "$?" 0 'and then loaded'
is "$(find "$DIR/rejected" -type f | wc -l)" 0 'and gone'

# Of files by hand with names that none in rejected/ may have: they get others,
# each its own.
for name in täglich tßglich .hidden; do
	sed "s/,  /, \"name\":\"$name\",/" "$DIR/by hand.ndjson" >"$DIR/$name.ndjson"
done
narrow 4
run logload --db "$DB_URL" --spool "$SPOOL" "$DIR"/{täglich,tßglich,.hidden}.ndjson
is "$STATUS/$(files rejected)" 65/3 'names of other than ASCII, or hidden'
narrow 64
retry
is "$STATUS/$(summary events)/$(files rejected)" 0/3/0 'are retried as others'

# The ledger was pruned: a record tells the key that its row has, whenever it is
# loaded, and one without @received_at has come when its file was made.
narrow 4
{ event 8 4; echo; event 9 9; printf '\n{"event":"no stamp"}\n'; } \
	>"$SPOOL/ready/$(ready 7)"
once
key=$(sql "SELECT id FROM log_files WHERE name = '$(ready 7)'")
is "$(rejected received_at | xargs)/$(rejected file_id | uniq)" \
	"2026-01-09T00:00:00.000009Z 2026-01-01T00:00:07.000000Z/$key" \
	'the records tell the key of their rows'
sql 'DELETE FROM log_files'
narrow 64
retry
is "$STATUS/$(summary events)/$(files rejected)" 0/2/0 \
	'the ledger was pruned: loaded all the same'
sql_is "SELECT $(instant received_at), line FROM logs WHERE file_id = $key ORDER BY line" \
	'2026-01-08 00:00:00.000008	1
2026-01-09 00:00:00.000009	2
2026-01-01 00:00:07.000000	3' 'under their keys'

# Without a key by which an event is known to be there, nothing is loaded again.
# In SQLite no key can be dropped.
drop='CONSTRAINT logs_pkey'
[ "${DB#m}" = "$DB" ] || drop='PRIMARY KEY, ADD INDEX (received_at, file_id, line)'
if [ "$DB" != sqlite ]; then
	narrow 4
	{ event 6 4; echo; event 6 9; } >"$SPOOL/ready/$(ready 8)"
	once
	narrow 64
	sql "ALTER TABLE logs DROP $drop"
	retry
	is "$STATUS/$(summary events)/$(files rejected)" 78/0/1 \
		'a table without the key: status 78'
	like "$ERR" 'the table logs needs UNIQUE \(received_at, file_id, line\)' \
		'and what it needs'
	sql 'ALTER TABLE logs ADD UNIQUE (received_at, file_id, line)'
	retry
	is "$STATUS/$(summary events)/$(files rejected)" 0/1/0 'with it all is well'
fi

# A record too long to be held is copied as it is, in pieces, and first in its
# file too; an event as long as may be is loaded.
rm -rf "${DIR:?}"/rejected/* "${SPOOL:?}"/rejected/*
narrow 4
{
	printf '{"x":"%01000000d"}\n' 0
	printf '{"event":"too long","x":"%0*d"}\n' "$((65536 - 27))" 0
	printf '{"event":"too long"}\n{}\n'
} >"$SPOOL/ready/$(ready 5)"
once --max-event 64KiB
kept=$(head -n 1 "$SPOOL"/rejected/* | cksum)
is "$(rejected line | xargs)" '1 2 3' 'long ones are rejected'
narrow 64
retry --max-event 64KiB --chunk 64KiB
is "$STATUS/$(summary events)/$(summary kept)" 65/2/1 'two are loaded'
is "$(cksum <"$(echo "$SPOOL"/rejected/*)")" "$kept" 'the other one is the same'
sql_is "SELECT line FROM logs WHERE event = 'too long' AND
	LENGTH($(payload)) > 65500 ORDER BY line" 2 'whole'
sql_is "SELECT COUNT(*) FROM logs WHERE event = 'too long'" 2 'and the short one'

# What is not a file of records is left alone.
events 3 >"$DIR/events.ndjson"
run logload --db "$DB_URL" --retry-rejected "$DIR/events.ndjson" "$DIR/absent"
is "$STATUS" 74 'no records, no file: status 74'
is "$(wc -l <"$DIR/events.ndjson")" 3 'left alone'
like "$ERR" 'events.ndjson: it has no records of rejected events' 'with the reason'
like "$ERR" 'absent: open: No such file' 'each'
printf '{"file":"x","line":1,"offset":0,"code":0,"text":"","rejected_at":"","event":{}}\n' \
	>"$SPOOL/rejected/x.ndjson"
cp "$SPOOL/rejected/x.ndjson" "$DIR/x"
retry "$SPOOL/rejected/x.ndjson"
is "$STATUS/$(summary events)" 0/1 'of a file that the ledger does not know'
cp "$DIR/x" "$SPOOL/rejected/x.ndjson"
echo '{"id":"no record"}' >>"$SPOOL/rejected/x.ndjson"
retry
is "$STATUS" 74 'no record behind a record: status 74'
like "$ERR" 'line 2 is no record of an event of x' 'with the place'
is "$(wc -l <"$SPOOL/rejected/x.ndjson")" 2 'left alone'
for option in --once --force "--rejected-dir=$DIR"; do
	retry "$option"
	is "$STATUS" 64 "$option does not go with it: status 64"
done
run logload --db "$DB_URL" --retry-rejected
is "$STATUS" 64 'neither spool nor file: status 64'
mkdir "$DIR/typo"
run logload --db "$DB_URL" --retry-rejected --spool "$DIR/typo"
is "$STATUS" 74 'a directory that is no spool: status 74'
like "$ERR" 'open .*/typo/rejected: No such file' 'with the reason'
ok 'and is not made one' rmdir "$DIR/typo"
# A record that is there twice is one row, and no duplicate, beside a bad one.
rm -f "$SPOOL"/rejected/*
constrain "event <> 'no'"
for i in {1..30} 5 31; do
	printf '{"file":"y","line":%d,"offset":0,"received_at":%s,"file_id":7,' \
		"$i" '"2026-01-01T00:00:00Z"'
	printf '"code":0,"text":"","rejected_at":"","event":{"event":"%s"}}\n' \
		"$([ "$i" = 31 ] && echo no || echo yes)"
done >"$SPOOL/rejected/y.ndjson"
retry
is "$(summary events)/$(rejected line)" 31/31 'a record that is there twice is loaded'
like "$(rejected text)" picky 'and the other one refused'
sql_is 'SELECT COUNT(*) FROM logs WHERE file_id = 7' 30 'once'
away=${DB_URL%%:*}://logs@127.0.0.1:1/logs
[ "$DB" != sqlite ] || away=sqlite:$DIR
run logload --db "$away" --wait 0s --retry-rejected --spool "$SPOOL"
is "$STATUS" 75 'the database is away: status 75'
done_testing
