#!/usr/bin/env bash
# What the database refuses must not fill the disk, nor be lost: once rejected/
# is at its limit, files whose records have no room stay in ready/, the others
# go on, and the receiver refuses when ready/ is full in its turn. When somebody
# has made room, or mended the table, all of it goes on by itself.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

LIMIT=10000
PAD=$(printf 'x%.0s' {1..800})

# A file with one event in it that is refused, with a record of 1 kB, and two
# that are not.
put() {
	{
		echo '{"event":"good"}'
		printf '{"event":"bad","n":%d,"pad":"%s"}\n' "$1" "$PAD"
		echo '{"event":"good"}'
	} >"$SPOOL/ready/.put"
	mv "$SPOOL/ready/.put" "$SPOOL/ready/$(ready "$1")"
}

lying() {
	find "$SPOOL/rejected" -type f -printf '%s\n' |
		awk '{ n += $1 } END { print n + 0 }'
}

# What an operator does who keeps the records elsewhere.
take_away() {
	mv "$SPOOL"/rejected/*.ndjson "$DIR/rejected"
}

is_counted() {
	[ "$(metric logload "$1")" = "$2" ]
}

db_start
make_tables
constrain "event <> 'bad'"
spool_new
mkdir -p "$SPOOL/ready" "$SPOOL/rejected"

# --- once

for n in {1..100}; do put "$n"; done
echo '{"event":"good"}' >"$SPOOL/ready/$(ready 101)"
once --rejected-limit "$LIMIT"
is "$STATUS" 75 '--once: status 75, for it could be loaded another time'
kept=$(files rejected)
num "$kept" -ge 5 'there is room for some'
num "$(lying)" -le "$LIMIT" 'rejected/ keeps to its limit'
is "$(files ready)" "$((100 - kept))" 'the others stay'
is "$(rows)" "$((2 * kept + 1))" 'those without refused events are loaded'
is "$(grep -c 'the file stays in ready/: .* no room for .* of --rejected-limit' \
	<<<"$ERR")" 64 'they are told of, some by name'
like "$ERR" "more files stay in ready/ .* files=$((36 - kept))" \
	'and the others by number'
is "$(find "$SPOOL/rejected" -name '.*.tmp')" '' 'no draft is left'

# --- following

logload_start --rejected-limit "$LIMIT"
ok 'following: the same' wait_log logload 'more files stay in ready/'
ok 'they are counted' wait_for is_counted \
	logload_ready_waiting_for_room_files "$((100 - kept))"
ok 'so are the bytes' is_counted logload_rejected_bytes "$(lying)"
ok 'and the limit' is_counted logload_rejected_limit_bytes "$LIMIT"
tries=$(metric logload 'logload_retries_total{class="io"}')
for n in {201..220}; do
	echo '{"event":"good"}' >"$SPOOL/ready/.x"
	mv "$SPOOL/ready/.x" "$SPOOL/ready/$(ready "$n")"
	wait_rows "$((2 * kept + 1 + n - 200))" || fail "file $n is not loaded"
done
pass 'good files pass by'
ok 'the metrics are written' wait_for is_counted logload_files_loaded_total 20
num "$(($(metric logload 'logload_retries_total{class="io"}') - tries))" -lt 40 \
	'those that wait are not tried in each round'

take_away
ok 'made room: it goes on' wait_log logload 'rejected events=1'
ok 'as far as there is room' wait_for -t 30 is_counted \
	logload_ready_waiting_for_room_files "$((100 - 2 * kept))"
num "$(lying)" -le "$LIMIT" 'within the limit again'
is "$(log_since logload | grep -c 'the file stays in ready/')" 64 \
	'nothing is told twice'

# --- in the end the receiver refuses

logrecv_start --spool-limit 10kB
send_event '{"event":"too many"}'
is "$CODE" 503 'ready/ is over the limit of the spool: 503'
like "$BODY" 'the spool is over --spool-limit' 'and why'

# --- nothing is lost

stop logrecv
stop logload
take_away
logload_start --rejected-limit 1MB
wait_log logload 'rejected events=1'
kill_hard logload
once --rejected-limit 1MB
is "$STATUS/$(files ready)" 0/0 'a higher limit, and a kill: nothing is left in ready/'
take_away
is "$(rejected event | grep -o '"n":[0-9]*' | sort -u | wc -l)" 100 \
	'each refused event is in a record'
is "$(rejected line | wc -l)" 100 'once'
sql_is 'SELECT COUNT(*) FROM logs' 221 'and each good one is a row'

# --- what else makes way

printf 'x%.0s' {1..9999} >"$SPOOL/rejected/full.ndjson"
for n in {301..305}; do put "$n"; done
logload_start --rejected-limit "$LIMIT"
ok 'full: all wait' wait_for is_counted logload_ready_waiting_for_room_files 5
unconstrain
ok 'a mended table: they need no room' wait_rows 236
stop logload
sql "DELETE FROM logs WHERE event = 'bad'"
constrain "event <> 'bad'"

# --- a crash between the records and the commit has left them

rm "$SPOOL/rejected/full.ndjson"
put 401
once
size=$(lying)
sql "DELETE FROM logs WHERE file_id = (SELECT id FROM log_files
	WHERE name = '$(ready 401)');
	DELETE FROM log_files WHERE name = '$(ready 401)'"
put 401
once --rejected-limit "$((size + 10))"
is "$STATUS" 0 'what they replace makes room for them'
is "$(files rejected)/$(files ready)" 1/0 'all is loaded'

# --- more in one file than the limit

{
	for n in {1..20}; do
		printf '{"event":"bad","n":%d,"pad":"%s"}\n' "$n" "$PAD"
	done
	events 1
} >"$SPOOL/ready/$(ready 402)"
once --rejected-limit "$LIMIT"
is "$STATUS/$(files ready)" 75/1 'it waits'
like "$ERR" 'more than --rejected-limit .10000.: raise that' 'and why'
once --rejected-limit 100kB
is "$STATUS/$(files ready)" 0/0 'raised: loaded'

# --- by hand

{ events 1; printf '{"event":"bad","n":1,"pad":"%s"}\n' "$PAD"; } \
	>"$DIR/by-hand"
run logload --db "$DB_URL" --spool "$SPOOL" --rejected-limit "$LIMIT" "$DIR/by-hand"
is "$STATUS" 74 'by hand into a full spool: status 74'
like "$ERR" 'load .*/by-hand: no room for ' 'and why'
load --rejected-limit 1000 "$DIR/by-hand"
is "$STATUS" 65 'with --rejected-dir: no limit'
run logload --retry-rejected --db "$DB_URL" --spool "$SPOOL" --rejected-limit 1
is "$STATUS" 65 'a retry needs no room'
is "$(lines rejected)" 21 'its records stay'

# --- looked at

run logload --check --spool "$SPOOL" --rejected-limit "$(lying)"
is "$STATUS" 65 '--check: it is full'
like "$OUT" "wrong rejected/: full: bytes=$(lying) of --rejected-limit" 'said'
run logload --check --spool "$SPOOL" --rejected-limit "$(lying)" \
	--rejected-full drop
is "$STATUS" 65 'nor is it right that records are dropped'
run logload --check --spool "$SPOOL" --rejected-limit "$((2 * $(lying)))"
is "$STATUS" 0 'half full: no word'
run logload --check --spool "$SPOOL" --rejected-limit 0
is "$STATUS" 0 'nor without a limit'
done_testing
