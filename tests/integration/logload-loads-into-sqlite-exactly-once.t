#!/usr/bin/env bash
# SQLite is a database as any other: whatever is killed, each event is a row
# once, or a record in rejected/ with the reason; what the file forgets comes
# back, and what is loaded by hand is known by its content.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"
. "$(dirname "$0")/sqlite-lib.sh"

once_each() { # N NAME
	sql_is "SELECT COUNT(*), COUNT(DISTINCT payload) FROM logs" "$1	$1" "$2"
}

# --- killed in the midst of a load

spool_new
mkdir -p "$SPOOL/ready"
{
	events 30000
	printf '{"id":"worse"\n'
	events 30000 30000
} >"$SPOOL/ready/$(ready 1)"
size=$(stat -c %s "$SPOOL/ready/$(ready 1)")
progressed() {
	[ "$(sql 'SELECT MAX(progress) FROM log_files' 2>/dev/null || echo 0)" \
		-gt "$1" ] 2>/dev/null || ! alive logload
}
kills=0
progress=0
while [ "$kills" -lt 12 ]; do
	logload_start --chunk 64KiB --jobs 3
	wait_for progressed "$progress"
	alive logload || break
	kill_hard logload
	kills=$((kills + 1))
	progress=$(sql 'SELECT MAX(progress) FROM log_files')
	[ "$progress" -lt "$size" ] || break
done
num "$kills" -ge 3 "killed $kills times within the file"
once
is "$STATUS/$(files ready)" 0/0 'and then to its end'
once_each 60000 'each event is a row, once'
is "$(rejected line)" 30001 'what is no event is a record, once'
is "$(ledger events,rejected,progress | xargs)" "60000 1 $size" \
	'the ledger has it all'
sql_is 'PRAGMA journal_mode' wal 'the log is written ahead'
sql_is "SELECT name, strict FROM pragma_table_list WHERE name LIKE 'log%s' AND
	schema='main' ORDER BY name" $'log_files\t1\nlogs\t1' 'the tables are strict'

# --- the client's text

rm "$DB_FILE"* "$SPOOL"/*/*.ndjson
text='{ "n" : 1.10, "n":2 ,"z":"\u0000\ud800","d":'$(
	printf '[%.0s' {1..900}; printf ']%.0s' {1..900})'}'
printf '%s\n' "$text" >"$SPOOL/ready/$(ready 1)"
once
is "$(sql 'SELECT payload FROM logs')" "$text" 'payload is the text as it came'
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

# --- by hand

rm "$DB_FILE"* "$SPOOL"/*/*.ndjson
events 100 >"$DIR/hand.ndjson"
cp "$DIR/hand.ndjson" "$DIR/copy.ndjson"
load --dry-run "$DIR/hand.ndjson"
ok 'a dry run makes no file' test ! -e "$DB_FILE"
run logload --check --spool "$SPOOL" --db "$DB_URL"
is "$STATUS" 0 'nor does --check'
ok 'of a database that is not there yet' test ! -e "$DB_FILE"
load --jobs 4 "$DIR/hand.ndjson" "$DIR/copy.ndjson"
is "$STATUS/$(rows)" 0/100 'one content is loaded once'
load "$DIR/copy.ndjson"
is "$STATUS/$(rows)/$(summary skipped)" 0/100/1 'under any name'
events 5 100 >>"$DIR/hand.ndjson"
load "$DIR/hand.ndjson"
is "$STATUS/$(rows)/$(summary events)" 0/105/5 'and what has grown is gone on with'
load --force "$DIR/copy.ndjson"
is "$STATUS/$(rows)" 0/205 'but by force'

# --- what the file forgets

rm "$DB_FILE"*
logload_start
events 10 >"$DIR/put" && mv "$DIR/put" "$SPOOL/ready/$(ready 1)"
ok 'a file' wait_rows 10
ok 'is loaded' wait_for no_files ready
stop logload
cp "$DB_FILE" "$DIR/older.db"
events 10 10 >"$SPOOL/ready/$(ready 2)"
once
is "$STATUS/$(rows)" 0/20 'another one'
rm "$DB_FILE"*
mv "$DIR/older.db" "$DB_FILE"
run logload --check --spool "$SPOOL" --db "$DB_URL"
is "$STATUS" 0 'an older file was put in its place: no event is lost yet'
like "$OUT" "note loaded/$(ready 2): unknown" '--check sees it'
once
is "$STATUS" 0 'the next start asks'
once_each 20 'and each event is there once'
run logload --check --spool "$SPOOL" --db "$DB_URL"
is "$STATUS" 0 'as --check finds'
done_testing
