#!/usr/bin/env bash
# A file of SQLite has one writer at a time: loaders wait for each other and for
# other programs without an error, unless they are told to stop. What cannot work
# is told in words that name the file and the reason, and no event is lost in a
# file, or a table, that is not what it should be.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

# --- others write

sqlite_start
spool_new
mkdir -p "$SPOOL/ready"
for n in 1 2 3 4; do
	events 3000 "$((n * 10000))" >"$DIR/$n.ndjson"
	start "hand$n" logload --db "$DB_URL" --jobs 4 \
		--chunk 64KiB --rejected-dir "$DIR/rejected" "$DIR/$n.ndjson"
done
for n in 1 2 3 4; do
	wait_exit "hand$n"
	is "$STATUS" 0 "loader $n, all begun on no file at once: done"
	unlike "$(cat "$DIR/hand$n.log")" ' (warn|error) ' 'without a word'
done
sql_is 'SELECT COUNT(*), COUNT(DISTINCT payload) FROM logs' '12000	12000' \
	'each event is a row once'

lock_logs
logload_start
events 10 >"$DIR/put" && mv "$DIR/put" "$SPOOL/ready/$(ready 1)"
ok 'while another program writes' wait_for works_on_a_file
events 1 70000 >"$DIR/put2"
start hand logload --db "$DB_URL" --rejected-dir "$DIR" --wait 0s "$DIR/put2"
ok 'a reader need not wait' test "$(rows)" = 12000
unlock_logs
ok 'its file is loaded' wait_rows 12010
wait_exit hand
is "$STATUS" 0 'as is the one by hand'
unlike "$(log_since logload)$(cat "$DIR/hand.log")" ' (warn|error) ' \
	'and nothing said'

lock_logs
events 10 20 >"$DIR/put" && mv "$DIR/put" "$SPOOL/ready/$(ready 2)"
ok 'while it writes again' wait_for works_on_a_file
begun=$(now_ms)
stop logload
is "$STATUS" 0 'SIGTERM ends the one that waits'
num "$(($(now_ms) - begun))" -lt $((15000 * WAIT_SCALE)) 'in time'
events 1 80000 >"$DIR/put3"
run logload --db "$DB_URL" --read-timeout 1s --wait 0s --rejected-dir "$DIR" \
	"$DIR/put3"
is "$STATUS" 75 'over --read-timeout it counts as away'
like "$ERR" "$DB_FILE: BEGIN: database is locked" 'and says why'
unlock_logs

# --- the file goes away

logload_start
ok 'the file waits no longer' wait_rows 12020
mv "$DB_FILE" "$DIR/moved.db"
rm -f "$DB_FILE"-*
events 10 30 >"$DIR/put" && mv "$DIR/put" "$SPOOL/ready/$(ready 3)"
ok 'a file that was moved is not written to' wait_rows 10
ok 'but its successor' wait_for no_files ready
stop logload
rm -f "$DB_FILE"*

# --- what cannot work

events 1 >"$DIR/a.ndjson"
fails() { # STATUS URL ERE NAME
	run logload --db "$2" --wait 0s --rejected-dir "$DIR" "$DIR/a.ndjson"
	is "$STATUS" "$1" "$4: status $1"
	like "$ERR" "$3" 'it says so'
}
fails 64 sqlite: 'no file is named behind sqlite:' 'no path'
fails 64 sqlite::memory: 'no file is named' 'no file'
fails 75 "sqlite:$DIR/none/logs.db" \
	"$DIR/none/logs.db: .*unable to open .*: No such file or directory" \
	'no such directory'
mkdir "$DIR/folder"
fails 75 "sqlite:$DIR/folder" "$DIR/folder: .*unable to open" 'a directory'
seq 1000 >"$DIR/text"
fails 78 "sqlite:$DIR/text" "$DIR/text: .*file is not a database" 'a text'
is "$(cksum <"$DIR/text")" "$(seq 1000 | cksum)" 'which stays as it is'
sqlite3 "$DIR/other.db" 'PRAGMA journal_mode=WAL; CREATE TABLE a (b)' >"$DIR/null"
chmod 444 "$DIR/other.db"
chmod 755 "$DIR"
if [ "$(id -u)" -eq 0 ]; then
	run setpriv --reuid=65534 --clear-groups "$BUILD/logload" --wait 0s \
		--db "sqlite:$DIR/other.db" --rejected-dir "$DIR" "$DIR/a.ndjson"
else
	run logload --db "sqlite:$DIR/other.db" --wait 0s "$DIR/a.ndjson"
fi
like "$STATUS" '^7[58]$' 'a file that may not be written to: refused'
like "$ERR" "$DIR/other.db: .*(only be read|readonly|unable to open)" 'it says so'

# --- tables that would lose events

with() { # SED-SCRIPT STATEMENTS
	rm -f "$DB_FILE"*
	logload --db "$DB_URL" --print-schema | sed "$1" | sqlite3 "$DB_FILE"
	[ -z "${2:-}" ] || sql "$2"
	load --wait 0s "$DIR/a.ndjson"
}
refused() { # SED-SCRIPT STATEMENTS ERE
	with "$1" "$2"
	is "$STATUS" 78 "refused: $1$2"
	like "$ERR" " error .*the table $3" 'it says why'
	is "$(sql 'SELECT COUNT(*) FROM log_files')" 0 'nothing is loaded'
}
refused 's/ UNIQUE/ COLLATE NOCASE UNIQUE/' '' \
	'log_files has no unique key of the column name'
refused 's/ UNIQUE/ UNIQUE ON CONFLICT IGNORE/' '' 'log_files says ON CONFLICT'
refused 's/"line" INTEGER/"line" REAL/' '' \
	'logs has the column line as REAL; it has to be INTEGER'
refused 's/"received_at" TEXT/"received_at" INTEGER/' '' \
	'logs has the column received_at as INTEGER; it has to be TEXT'
with 's/ STRICT, WITHOUT ROWID//; s/TEXT/VARCHAR(300)/; s/"name" VARCHAR/"Name" VARCHAR/'
is "$STATUS/$(rows)" 0/1 'taken: tables that are neither strict nor ours'
done_testing
