#!/usr/bin/env bash
# Arrays of rows, where MariaDB takes them, which it does not into a binary log
# of statements; else LOAD DATA for many rows, and INSERT for few, or by itself
# where the server has local_infile off, MySQL's default. Every row is the same:
# quotes, escapes, control characters, NULL, values that do not fit, characters
# of four bytes.
# Of those who have several methods; see …-stores-the-same-in-each-database.t.
# databases: mariadb mysql
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start --log-bin="$DIR/binlog" --server-id=1
counted() { sql "SHOW GLOBAL STATUS LIKE '$1'" | cut -f 2; }
arrays() { sql "SET GLOBAL binlog_format=$([ "$1" = on ] && echo ROW ||
	echo STATEMENT)"; }
ways=(on off)
[ "$DB" = mariadb ] || ways=(off) # MySQL has none
{
	cat <<'NDJSON'
{"event":"plain","level":"info","user_id":7}
{"event":"it's \"quoted\" \\ and \\n","user_id":"a\tb\nc"}
{"event":"\u0000\u0001\u0002\u001f\u007f","level":"\u0008"}
{"event":"\ud83d\ude00 é 😀","level":"ünïcödé-16-chars"}
{"event":null,"level":true,"user_id":-1.5e3}
{"event":["x"],"level":{"a":1},"user_id":"\ud800"}
{"event":"N","level":"\\N","user_id":"NULL"}
	{ "event" :	"white space" , "a":[ 1 , 2 ] }  
{"timestamp":"2026-11-22T09:00:00.5+02:00","event":"e"}
{"timestamp":1763796831123,"event":"x'); DROP TABLE logs; --"}
{"event":"","level":"","user_id":""}
{}
NDJSON
	for n in 63 64 65; do printf '{"event":"%0*d"}\n' "$n" 0; done
	printf '{"event":"crlf"}\r\n{"event":"no line break"}'
	:
} >"$DIR/a.ndjson"
# More than one statement: 1 MiB each.
for i in $(seq 1000); do printf '{"event":"%d","x":"%03000d"}\n' "$i" 0; done \
	>"$DIR/b.ndjson"
# A lone surrogate is no JSON to the server.
sed -i '/ud800/d' "$DIR/a.ndjson"

# The same lines so often that they are many.
for _ in {1..30}; do awk 1 "$DIR/a.ndjson"; done >"$DIR/c.ndjson"

load "$DIR"/[abc].ndjson
is "$STATUS" 0 'arrays: status 0'
is "$(rejected text)" '' 'nothing is rejected'
if [ "$DB" = mariadb ]; then
	num "$(counted Com_stmt_execute)" -gt 1 'more than one packet of them'
	is "$(counted Com_load)" 0 'and nothing else'
fi
arrays off
load --force "$DIR"/[abc].ndjson
is "$STATUS" 0 'LOAD DATA: status 0'
num "$(counted Com_load)" -gt 1 'where there are no arrays'
loads=$(counted Com_load)
for i in 1 2 3; do
	is "$(sum_of_rows $((i + 3)))" "$(sum_of_rows $i)" "the same rows of file $i"
done
sql 'SET GLOBAL local_infile=0'
load --force "$DIR"/[abc].ndjson
is "$STATUS" 0 'INSERT: status 0'
like "$ERR" 'local_infile off: loading by INSERT' 'it says so'
is "$(counted Com_load)" "$loads" 'and means it'
isnt "$(sum_of_rows 1)" '' 'there are rows'
for i in 1 2 3; do
	is "$(sum_of_rows $((i + 6)))" "$(sum_of_rows $i)" "the same rows of file $i"
done

want=$(sed -n 2p "$DIR/a.ndjson")
[ "$DB" = mysql ] || want=${want//\\/\\\\} # as the client shows it
sql_is "SELECT payload FROM logs WHERE file_id=$(id_of 1) AND line=2" \
	"$(as_stored "$want")" 'an event as it was sent'
sql_is "SELECT HEX(event), HEX(level) FROM logs WHERE file_id=$(id_of 1) AND line=3" \
	'0001021F7F	08' 'control characters in a column'
sql_is "SELECT SUM(event IS NULL) FROM logs WHERE file_id=$(id_of 1) AND line > 10" \
	2 'an absent name and 65 characters are NULL'
sql_is "SELECT COUNT(*) FROM logs WHERE file_id IN ($(id_of 1), $(id_of 4), $(id_of 7))
	AND event IN ('crlf', 'no line break')" 6 \
	'CRLF, and a last line without line break'

# A server that has no prepared statement left.
sql 'SET GLOBAL max_prepared_stmt_count=0, GLOBAL local_infile=1'
for by in "${ways[@]}"; do
	arrays "$by"
	loads=$(counted Com_load)
	load --wait 0s --force "$DIR"/[ac].ndjson
	is "$STATUS" 0 "no prepared statement to be had, arrays $by: status 0"
	like "$ERR" ' warn .*LOAD DATA.*\(1461\)' 'it says so'
	num "$(counted Com_load)" -ge $((loads + 2)) 'few rows are LOAD DATA too'
	file=$(ledger id | wc -l)
	is "$(sum_of_rows $((file - 1)))" "$(sum_of_rows 1)" 'the same rows'
	is "$(sum_of_rows "$file")" "$(sum_of_rows 3)" 'of both files'
done
sql 'SET GLOBAL local_infile=0'
load --wait 0s --force "$DIR/a.ndjson"
is "$STATUS" 75 'and no local_infile: status 75'
like "$ERR" '\(1461\)' 'it says so'
sql 'SET GLOBAL max_prepared_stmt_count=DEFAULT, GLOBAL local_infile=1'
arrays on

# A column of another character set: converted, by each way.
sql 'CREATE TABLE latin LIKE logs;
	ALTER TABLE latin MODIFY event VARCHAR(64) CHARACTER SET latin1'
for _ in {1..200}; do printf '{"event":"\u00e9"}\n{"event":"\xc3\xa9"}\n'; done \
	>"$DIR/latin"
load --table latin --force "$DIR/latin"
arrays off
load --table latin --force "$DIR/latin"
sql 'SET GLOBAL local_infile=0'
load --table latin --force "$DIR/latin"
sql_is 'SELECT HEX(event), COUNT(*) FROM latin GROUP BY 1' 'E9	1200' \
	'a column in latin1'

# The limit of a packet: smaller ones, and an event that is too large.
sql 'SET GLOBAL max_allowed_packet=65536'
printf '{"event":"large","x":"%070000d"}\n' 0 >>"$DIR/b.ndjson"
for by in "${ways[@]}"; do
	arrays "$by"
	load --force "$DIR/b.ndjson"
	is "$STATUS" 65 "max_allowed_packet of 64 KiB, arrays $by: status 65"
	is "$(summary events)/$(summary rejected)" 1000/1 \
		'one event does not fit'
	like "$(rejected text)" 'max_allowed_packet of 65536' \
		'the limit is named'
done
done_testing
