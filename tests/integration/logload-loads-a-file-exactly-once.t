#!/usr/bin/env bash
# By hand, a file is its content and the table that it goes to: the same is
# skipped under any name and loaded into another table, --force loads once more.
# A log that has grown, or was rotated, is loaded from where it was; a last line
# that is being written waits. A file that a spool has named keeps its name
# wherever it lies. The user's file stays as it is.
# shellcheck disable=SC2016 # the quotes of a name are not for this shell
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
quoted='"table"'
case $DB in mariadb | mysql) quoted='`table`' ;; esac
events 100 >"$DIR/a.ndjson"
before=$(cksum <"$DIR/a.ndjson")

load "$DIR/a.ndjson"
is "$STATUS" 0 'the first time: status 0'
is "$(summary events)" 100 'the summary tells of 100 events'
is "$(rows)" 100 '100 rows'
load "$DIR/a.ndjson"
is "$STATUS" 0 'the second time: status 0'
is "$(summary skipped)" 1 'skipped'
like "$ERR" 'skipped, it was loaded before: .*name=a.ndjson@sha256:.* table=logs' \
	'and said so'
is "$(rows)" 100 'still 100 rows'
mkdir "$DIR/elsewhere"
cp "$DIR/a.ndjson" "$DIR/elsewhere/a.ndjson"
cp "$DIR/a.ndjson" "$DIR/elsewhere/b.ndjson"
gzip -k "$DIR/elsewhere/a.ndjson"
load "$DIR/elsewhere/a.ndjson" "$DIR/elsewhere/a.ndjson.gz" \
	"$DIR/elsewhere/b.ndjson"
is "$(summary skipped)" 3 'skipped elsewhere, compressed, and renamed, too'
like "$ERR" 'file=[^ ]*b.ndjson name=a.ndjson@sha256:' 'with the name of old'
is "$(cksum <"$DIR/a.ndjson")" "$before" 'the file is as it was'

load --table logs2 "$DIR/a.ndjson"
is "$STATUS/$(summary events)" 0/100 'it is loaded into another table'
load --table logs2 "$DIR/elsewhere/b.ndjson"
is "$(summary skipped)" 1 'which then has it, too'
like "$ERR" 'table=logs2' 'and that is said'
sql_is "SELECT $quoted, COUNT(DISTINCT name), COUNT(*), COUNT(DISTINCT sha256)
	FROM log_files GROUP BY $quoted ORDER BY 1" 'logs	1	1	1
logs2	1	1	1' 'the ledger has a line for each'

if [ "$quoted" = '`table`' ]; then
	load --table logs.logs "$DIR/a.ndjson"
	is "$(summary skipped)" 1 'with the database before it: the same table'
fi

load --force "$DIR/a.ndjson"
is "$(summary events)" 100 '--force loads once more'
is "$(rows)" 200 '200 rows'
load "$DIR/a.ndjson"
is "$(summary skipped)" 1 'and after that it is skipped again'
events 1 1 >"$DIR/a.ndjson"
load "$DIR/a.ndjson"
is "$(summary events)" 1 'another content of that name is loaded'

events 20000 1000 >"$DIR/c1"
cp "$DIR/c1" "$DIR/c2"
cp "$DIR/c1" "$DIR/c3"
load --jobs 3 "$DIR"/c[123]
is "$(summary events)/$(summary skipped)" 20000/2 \
	'of copies that are loaded at a time, one is'

# What an older version has loaded is known by its name alone.
sql "UPDATE log_files SET $quoted = NULL, sha256 = NULL"
load "$DIR/a.ndjson" "$DIR/elsewhere/a.ndjson"
is "$(summary skipped)" 2 'what an older version has loaded is skipped'

# --- a log that grows and is rotated

sql 'DROP TABLE logs; DROP TABLE log_files'
log=$DIR/app.log
events 5 >"$log"
touch -d 2026-01-02T03:04:05.678901Z "$log"
load "$log"
sql_is 'SELECT DISTINCT received_at FROM logs' \
	"2026-01-02 03:04:05.678901$([ "$DB" != postgresql ] || echo +00)" \
	'what does not say when it came has come when its file was changed'
id=$(ledger id)
events 3 5 >>"$log"
printf '{"id":"e8",' >>"$log"
load "$log"
is "$STATUS/$(summary events)" 0/3 'of a log that has grown the rest is loaded'
like "$ERR" 'the last line is not whole, and waits .* bytes=11' \
	'a last line that is not whole waits'
load "$log"
is "$STATUS/$(summary events)/$(summary skipped)" 0/0/1 'nothing new: skipped'
like "$ERR" 'waits for the next run' 'it still waits'
printf '"n":8}' >>"$log"
mv "$log" "$log.1"
events 2 >"$log"
load "$log"*
is "$STATUS/$(summary events)/$(summary skipped)" 0/3/0 \
	'rotated: the last line, and the new log'
printf '\n{"id":"e9","n":9}\n' >>"$log.1"
gzip "$log.1"
mv "$log.1.gz" "$log.2.gz"
mv "$log" "$log-20261130"
load "$log"*
is "$STATUS/$(summary events)/$(summary skipped)" 0/1/1 \
	'rotated once more, compressed, and by date'
sql_is "SELECT COUNT(*), COUNT(DISTINCT line), MIN(line), MAX(line) FROM logs
	WHERE file_id = $id" '10	10	1	11' 'all that is one file, by line'
sql_is 'SELECT FLOOR(progress / bytes), LENGTH(sha256), events FROM log_files
	ORDER BY events' '1	64	2
1	64	10' 'and has a line of the ledger each'
events 5 >"$DIR/elsewhere/app.log"
load "$DIR/elsewhere/app.log"
is "$STATUS/$(summary skipped)" 0/1 'as it was before it grew, it is known'
sed 's/test/old/' "$log-20261130" >"$DIR/old.log.1"
load "$DIR/old.log.1"
sql "UPDATE log_files SET $quoted = NULL, sha256 = NULL"
mv "$DIR/old.log.1" "$DIR/old.log.2"
events 4 10 >>"$DIR/old.log.2"
load --dry-run "$DIR/old.log.2"
is "$(summary events)" 4 '--dry-run tells what has come'
load "$DIR/old.log.2"
is "$(summary events)/$(rows)" 4/18 'to one that an older version has loaded'

# Two that meet it for the first time, one of them as it was before it grew.
lock_logs
before=$(rows)
events 5 100 >"$DIR/new.log"
start one logload --db "$DB_URL" --jobs 2 "$DIR/new.log" "$DIR/new.log"
wait_locked_out
events 5 105 >>"$DIR/new.log"
start two logload --db "$DB_URL" "$DIR/new.log"
ok 'a log that somebody else is at is waited for' \
	wait_log two 'being loaded already, and is waited for: .*new.log'
start three logload --db "$DB_URL" "$DIR/new.log"
wait_log three 'waited for'
stop three
is "$STATUS" 75 'which a signal ends'
# It goes on growing, and who comes last is next.
events 5 110 >>"$DIR/new.log"
start four logload --db "$DB_URL" "$DIR/new.log"
wait_log four 'waited for'
kill -STOP "$(pid two)"
unlock_logs
wait_exit one
is "$STATUS" 0 'the one that was first: status 0'
wait_exit four
is "$STATUS/$(rows)" "0/$((before + 15))" 'and of the last each event once, too'
kill -CONT "$(pid two)"
wait_exit two
is "$STATUS/$(rows)" "0/$((before + 15))" 'and of one that came while it was shorter'

# A number in front of the extension, and a daemon that writes on for a while.
events 5 >"$DIR/ext.1.log"
load "$DIR/ext.1.log"
events 5 5 >>"$DIR/ext.1.log"
mv "$DIR/ext.1.log" "$DIR/ext.2.log"
load "$DIR/ext.2.log"
is "$(summary events)" 5 'ext.2.log goes on where ext.1.log was'

# Nor is it torn apart where events are not on lines of their own.
for end in '\r' '' '\n \n'; do
	before=$(rows)
	printf '%b' "{\"n\":1$end}$end{\"n\":" >"$DIR/growing"
	load "$DIR/growing"
	is "$STATUS/$(summary events)/$(summary rejected)" 0/1/0 \
		"between events '$end': what is not whole waits"
	printf '%b' "2$end}$end{\"n\":3}$end" >>"$DIR/growing"
	load "$DIR/growing"
	is "$STATUS/$(summary events)/$(($(rows) - before))" 0/2/3 'and is loaded'
done

# A name that has somebody's digest in it.
events 1 >"$DIR/image@sha256:0123456789abcdef.log"
load "$DIR/image@sha256:0123456789abcdef.log"
events 1 1 >>"$DIR/image@sha256:0123456789abcdef.log"
load "$DIR/image@sha256:0123456789abcdef.log"
is "$(summary events)" 1 'a digest in a name is not taken for ours'

printf '{"event":"one"}\n{"no JSON' >"$DIR/c"
load "$DIR/c"
is "$STATUS/$(summary events)/$(summary rejected)" 0/1/0 'a line, not whole'
printf '\n' >>"$DIR/c"
load "$DIR/c"
is "$STATUS/$(summary rejected)" 65/1 'is rejected when it is whole'

# An event that does not keep to lines is in the making where it ends too early.
for kind in '{\n"n":1\n}\n{\n"n": 2\n}\n{\n"n":3\n}\n' \
	'\x1e{"n":1}\n\x1e{"n": 2}\n\x1e{"n":3}\n' '{"n":1}\r{"n": 2}\r{"n":3}\r'; do
	sql 'DELETE FROM logs'
	front=${kind%% *}
	# shellcheck disable=SC2059 # they are formats
	printf "$front" >"$DIR/many.log"
	load "$DIR/many.log"
	is "$STATUS/$(summary events)/$(summary rejected)" 0/1/0 \
		"an event in the making: $front"
	like "$ERR" 'not whole, and waits' 'which is said'
	load "$DIR/many.log"
	is "$STATUS/$(summary skipped)" 0/1 'it still waits'
	# shellcheck disable=SC2059
	printf "${kind#"$front"}" >>"$DIR/many.log"
	load "$DIR/many.log"
	is "$STATUS/$(summary events)" 0/2 'the rest of it is loaded'
	is "$(sql "SELECT line, $(member n) FROM logs ORDER BY line" |
		tr -d '\t' | paste -s -d ,)" 11,22,33 'each event is whole, and there once'
	sql "DELETE FROM log_files WHERE name LIKE 'many.log@%'"
done
printf '{"n":1}{"n":"2}{"n":3,"name":"long enough"}' >"$DIR/many.log"
load "$DIR/many.log"
is "$STATUS/$(summary events)/$(summary rejected)" 65/1/1 \
	'but not where it is broken before that'
rm -f "$DIR"/rejected/*

# --- files of a spool

events 10 >"$DIR/$(ready 1)"
load "$DIR/$(ready 1)"
is "$(ledger name | tail -n 1)" "$(ready 1)" 'a spool'"'"'s name is kept'
zstd -q "$DIR/$(ready 1)" -o "$DIR/elsewhere/$(ready 1).zst"
load "$DIR/elsewhere/$(ready 1).zst"
is "$(summary skipped)" 1 'wherever it lies and however it is packed'
load --table logs2 "$DIR/$(ready 1)"
like "$ERR" "skipped, .* table=logs\$" 'whatever the table, and which is said'

before=$(rows)
spool_new
mkdir -p "$SPOOL/ready"
cp "$DIR/$(ready 1)" "$SPOOL/ready/"
once
is "$STATUS" 0 'the same file in ready/: status 0'
ok 'it is gone' no_files ready
is "$(rows)" "$before" 'and was not loaded again'

# --- databases that share a ledger

[ "$quoted" = '`table`' ] || {
	done_testing
	exit
}
sql 'CREATE DATABASE one; CREATE DATABASE two; GRANT ALL ON one.* TO logs;
	GRANT ALL ON two.* TO logs'
for db in one two; do
	run logload --db "${DB_URL%/*}/$db" --ledger logs.log_files "$DIR/c1"
	is "$STATUS/$(summary events)" 0/20000 "the same file into another one: $db"
done
done_testing
