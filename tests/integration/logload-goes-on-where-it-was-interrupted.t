#!/usr/bin/env bash
# "Run again to go on" is true of a --force and of a stream that has a name; of
# one without, it is said how, and what would come of running it again as it was.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
make_tables
events 20000 | sed 's/}$/,"x":"0123456789012345678901234567890123456789"}/' \
	>"$DIR/big"

# Slow enough to be seen between two chunks.
SLOWLY=LOGLOAD_RATE=4000

# interrupt NAME COMMAND...: after the first chunks
interrupt() {
	local name=$1

	shift
	start "$name" env "$SLOWLY" "$@"
	ok "$name: two chunks are loaded" wait_for committed "$(rows)"
	stop "$name" INT
	is "$STATUS" 75 "$name: interrupted: status 75"
	num "$(sql 'SELECT COUNT(*) FROM log_files WHERE loaded_at IS NULL')" \
		-eq 1 "$name: not finished"
}

committed() {
	[ "$(rows)" -gt "$(($1 + 1000))" ]
}

all_once() {
	sql_is "SELECT COUNT(*), COUNT(DISTINCT $(payload)), COUNT(DISTINCT
		received_at), COUNT(DISTINCT file_id) FROM logs" \
		"$(($2 * 20000))	20000	$3	$2" "$1"
}

load "$DIR/big"
interrupt force logload --db "$DB_URL" --chunk 64KiB --force "$DIR/big"
wait_log force 'run again to go on'
load --chunk 1MiB --force "$DIR/big"
is "$STATUS" 0 'force: run again'
num "$(summary events)" -lt 19000 'force: went on'
all_once 'force: each event twice, from two loads' 2 1
load --force "$DIR/big"
is "$(summary events)" 20000 'force: one that is finished begins anew'
load "$DIR/big"
is "$(summary skipped)" 1 'and without it all is loaded before'

# --- cut and written anew meanwhile (logrotate's copytruncate)

sql 'DELETE FROM logs'
sql 'DELETE FROM log_files'
cp "$DIR/big" "$DIR/cut.ndjson"
start cut env "$SLOWLY" logload --db "$DB_URL" --rejected-dir "$DIR/rejected" \
	--chunk 64KiB "$DIR/cut.ndjson"
ok 'cut: a chunk is loaded' wait_for committed 0
cp "$DIR/cut.ndjson" "$DIR/cut.ndjson.1"
sed 's/test/more/' "$DIR/big" >"$DIR/cut.ndjson"
wait_exit cut
is "$STATUS" 74 'cut: status 74'
wait_log cut 'the file (was cut or overwritten|has become shorter)'
load "$DIR/cut.ndjson" "$DIR/cut.ndjson.1"
is "$STATUS/$(summary rejected)" 0/0 'cut: run again, with the copy'
sql_is "SELECT COUNT(*), COUNT(DISTINCT $(payload)) FROM logs" '40000	40000' \
	'cut: each event once, the old and the new ones'

# --- a stream

sql 'DELETE FROM logs'
sql 'DELETE FROM log_files'
mkfifo "$DIR/pipe"
cat "$DIR/big" >"$DIR/pipe" &
# shellcheck disable=SC2016 # for another shell
interrupt stream sh -c 'exec logload --db "$2" --chunk 64KiB --name feed - <"$1"' \
	- "$DIR/pipe" "$DB_URL"
wait_log stream 'run again to go on'
feed() {
	"$@" | logload --db "$DB_URL" --name feed - >"$DIR/out" 2>"$DIR/err"
	STATUS=${PIPESTATUS[1]} OUT=$(<"$DIR/out") ERR=$(<"$DIR/err")
}
feed tac "$DIR/big"
is "$STATUS/$(summary events)" 74/0 'stream: another content is an error'
like "$ERR" 'the name feed is that of another content, of which .* bytes' \
	'stream: and said so'
feed head -n 10 "$DIR/big"
is "$STATUS/$(summary events)" 74/0 'stream: as is one that is shorter'
feed cat "$DIR/big"
is "$STATUS" 0 'stream: run again'
num "$(summary events)" -lt 19000 'stream: went on'
all_once 'stream: each event once, at one instant' 1 1
feed cat "$DIR/big"
is "$STATUS/$(summary skipped)" 0/1 'stream: and once more: skipped'
load "$DIR/big"
is "$(summary skipped)" 1 'stream: nor is a file of that content loaded'
feed sh -c "cat '$DIR/big'; printf '{\"n\":\"more\"}\n{\"n\":'"
is "$STATUS/$(summary events)" 0/1 'stream: what is behind it is loaded'
feed sh -c "cat '$DIR/big'; printf '{\"n\":\"more\"}\n{\"n\":\"last\"}\n'"
is "$STATUS/$(summary events)" 0/1 'stream: and a last line once it is whole'
for want in 0/2 0/0; do
	printf '[{"n":1},{"n":2}]' |
		logload --db "$DB_URL" --name array - >"$DIR/out" 2>"$DIR/err"
	STATUS=$? OUT=$(<"$DIR/out")
	is "$STATUS/$(summary events)" "$want" 'stream: an array ends once'
done

# --- without a name

sql 'DELETE FROM logs'
sql 'DELETE FROM log_files'
cat "$DIR/big" >"$DIR/pipe" &
interrupt pipe logload --db "$DB_URL" --chunk 64KiB "$DIR/pipe"
wait_log pipe 'run again with its --name to go on'
wait_log pipe 'is loaded twice if it is given again without --name='
name=$(log_since pipe | sed -n 's/.*without --name=\([^ ]*\) .*/\1/p')
cat "$DIR/big" >"$DIR/pipe" &
load --name "$name" "$DIR/pipe"
is "$STATUS" 0 'pipe: as it says'
all_once 'pipe: each event once' 1 1
sql 'DELETE FROM log_files'
for name in same same.ndjson; do
	printf '{"a":1}\nno %s\n' "$name" >"$DIR/bad"
	load --name "$name" "$DIR/bad"
done
is "$(rejected raw | sort | xargs)" 'no same no same.ndjson' \
	'a name with an ending and one without share no file of rejected events'
for name in '' a/b; do
	load --name "$name" "$DIR/big"
	is "$STATUS" 64 "no name: '$name'"
done
load --name a "$DIR/big" "$DIR/big"
is "$STATUS" 64 'nor for two files'
done_testing
