#!/usr/bin/env bash
# What SQLite does otherwise than others: its tables are strict, a payload is the
# text as it came, ON CONFLICT and triggers may pass rows over in silence, and
# opening a file makes it.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

sqlite_start
spool_new
mkdir -p "$SPOOL/ready"

# --- the client's text

text='{ "n" : 1.10, "n":2 ,"z":"\u0000\ud800","d":'$(
	printf '[%.0s' {1..900}; printf ']%.0s' {1..900})'}'
printf '%s\n' "$text" >"$SPOOL/ready/$(ready 1)"
once
is "$(sql 'SELECT payload FROM logs')" "$text" 'payload is the text as it came'
sql_is 'PRAGMA journal_mode' wal 'the log is written ahead'
sql_is "SELECT name, strict FROM pragma_table_list WHERE name LIKE 'log%s' AND
	schema='main' ORDER BY name" $'log_files\t1\nlogs\t1' 'the tables are strict'
sql_is 'SELECT received_at, occurred_at, typeof(file_id) FROM logs' \
	'2026-01-01 00:00:01.000000	NULL	integer' 'the others by their types'

# --- refused events

rm "$DB_FILE"* "$SPOOL"/*/*.ndjson
column=(--column 'n=n:bigint' --column 'id=id:varchar(9)' --index n)
logload --db "$DB_URL" "${column[@]}" --print-schema |
	sed 's/"level" TEXT NULL/"level" TEXT CHECK ("level" <> '\''bad'\'')/
		s/"id" TEXT NULL/"id" TEXT UNIQUE ON CONFLICT REPLACE/' |
	sqlite3 "$DB_FILE"
events 5000 >"$SPOOL/ready/$(ready 1)"
{
	events 2000 10000
	echo '{"id":"x","level":"bad"}'
	events 3 10
	events 2000 12000
} >"$SPOOL/ready/$(ready 2)"
once "${column[@]}"
is "$STATUS/$(rows)" 0/9000 'the good ones are rows'
is "$(rejected line | xargs)" '2001 2002 2003 2004' 'the others records, in order'
is "$(rejected code | xargs)" '275 2067 2067 2067' "with SQLite's codes"
is "$(rejected text | head -n 2)" $'CHECK constraint failed: level
UNIQUE constraint failed: logs.id' 'and texts'
sql_is 'SELECT name FROM pragma_index_list("logs") WHERE origin="c"' logs_n \
	'an index that was asked for is there'
# What the ledger does not know any more is there by the rows' own key.
sql 'DELETE FROM log_files'
cp "$SPOOL/loaded/$(ready 2)" "$SPOOL/ready"
cat "$SPOOL/ready/$(ready 2)" <(events 1 20000) >"$SPOOL/loaded/longer"
mv "$SPOOL/loaded/longer" "$SPOOL/ready/$(ready 2)"
rm "$SPOOL"/rejected/* "$SPOOL"/loaded/*
once "${column[@]}"
is "$STATUS/$(rows)/$(ledger events,rejected | xargs)" '0/9001/4001 4' \
	'the same event is not stored twice, but counted'
is "$(rejected line | xargs)" '2001 2002 2003 2004' 'nor rejected'
# Once the table takes them.
sql "UPDATE logs SET id = NULL"
run logload --db "$DB_URL" --spool "$SPOOL" --retry-rejected "${column[@]}"
is "$STATUS/$(rows)/$(rejected code)" 65/9004/275 'rejected events go in later'
sql 'CREATE TRIGGER skips BEFORE INSERT ON logs WHEN NEW.n = 30001
	BEGIN SELECT RAISE(IGNORE); END'
events 3 30000 >"$SPOOL/ready/$(ready 3)"
rm "$SPOOL"/rejected/*
once "${column[@]}"
is "$(rows)/$(rejected line,text)" '9006/-' 'what a trigger passes over'
is "$(rejected text)" 'a trigger has passed over the row' 'is a record, too'

# --- only looking

rm "$DB_FILE"* "$SPOOL"/*/*.ndjson
events 100 >"$DIR/hand.ndjson"
load --dry-run "$DIR/hand.ndjson"
ok 'a dry run makes no file' test ! -e "$DB_FILE"
run logload --check --spool "$SPOOL" --db "$DB_URL"
is "$STATUS" 0 'nor does --check'
ok 'of a database that is not there yet' test ! -e "$DB_FILE"
done_testing
