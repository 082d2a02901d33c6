#!/usr/bin/env bash
# gzip and zstd files as they are, several members too, standard input, pipes:
# in chunks through a temporary file, and the same rows. Damaged data are an
# error, and what came before is not lost sight of.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
events 20000 >"$DIR/a"
load "$DIR/a"
want=$(sum_of_rows)
like "$want" '^20000	' 'the plain file has 20000 rows'

head -n 5000 "$DIR/a" | gzip >"$DIR/b.gz"
tail -n +5001 "$DIR/a" | gzip >>"$DIR/b.gz"
head -n 5001 "$DIR/a" | zstd -q >"$DIR/c.zst"
tail -n +5002 "$DIR/a" | zstd -q >>"$DIR/c.zst"
gzip -c "$DIR/a" >"$DIR/no-ending"
for file in b.gz c.zst no-ending; do
	load --force --chunk 64KiB "$DIR/$file"
	is "$STATUS" 0 "$file: status 0"
	is "$(sum_of_rows)" "$want" \
		"$file: the same rows"
done

# standard COMMAND...: its output is logload's standard input
standard() {
	"$@" | logload --db "$DB_URL" --chunk 64KiB - >"$DIR/out" 2>"$DIR/err"
	is "${PIPESTATUS[1]}" 0 "standard input from $1: status 0"
	is "$(sum_of_rows)" "$want" \
		'the same rows'
}
standard cat "$DIR/a"
standard cat "$DIR/c.zst"
like "$(ledger name | tail -n 1)" '^stdin-[0-9]{8}T[0-9.]+Z-.*-[0-9]+$' \
	'under a name of its own'
logload --db "$DB_URL" - <"$DIR/b.gz" >/dev/null 2>&1
is "$(sum_of_rows)" "$want" \
	'standard input from a file'
mkfifo "$DIR/pipe"
cat "$DIR/a" >"$DIR/pipe" &
load "$DIR/pipe"
is "$STATUS" 0 'a named pipe: status 0'
is "$(sum_of_rows)" "$want" \
	'the same rows'
sessions="SELECT COUNT(*) FROM information_schema.processlist
	WHERE db = 'logs' AND id <> CONNECTION_ID()"
transactions='SELECT COUNT(*) FROM information_schema.innodb_trx'
if [ "$DB" = postgresql ]; then
	sessions="SELECT COUNT(*) FROM pg_stat_activity WHERE usename = 'logs'"
	transactions="$sessions AND state <> 'idle'"
fi
# shellcheck disable=SC2317 # called by name
connected() {
	[ "$(sql "$sessions")" -gt 0 ]
}
if [ "$DB" = sqlite ]; then
	# It has read what there is: nobody else may write, or wait, then.
	transactions='BEGIN IMMEDIATE; ROLLBACK; SELECT 0'
	connected() {
		[ -e "$DB_FILE-shm" ]
	}
fi
mkfifo "$DIR/slow"
{
	events 1 500 && until [ -e "$DIR/go" ]; do sleep 0.05; done
	events 1 501
} >"$DIR/slow" &
logload --db "$DB_URL" "$DIR/slow" >"$DIR/out" 2>"$DIR/err" &
loader=$!
ok 'while a pipe is waited for' wait_for connected
sql_is "$transactions" 0 \
	'no transaction is open'
touch "$DIR/go"
wait "$loader"
like "$? $(cat "$DIR/out")" '^0 .* events=2 ' 'and all of it is loaded'
run logload --db "$DB_URL" -
is "$STATUS" 0 'nothing on standard input: status 0'
is "$(summary events)" 0 'and no events'

before=$(rows)
head -c 20000 "$DIR/b.gz" >"$DIR/cut.gz"
head -c 20000 "$DIR/c.zst" >"$DIR/cut.zst"
load "$DIR/cut.gz" "$DIR/cut.zst" "$DIR/a"
is "$STATUS" 74 'cut short: status 74'
like "$ERR" 'cut.gz: .*end too early' 'gzip, named'
like "$ERR" 'cut.zst: .*end too early' 'zstd, named'
is "$(summary skipped)" 1 'the files after them are looked at'
is "$(rows)" "$before" 'nothing of them is loaded'
is "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'logload.*' 2>/dev/null | wc -l)" \
	0 'no temporary file stays'

# A line without end, which a small file can hold, is an event like others that
# are rejected.
{ events 2; head -c 20000000 /dev/zero | tr '\0' x; } | gzip >"$DIR/bomb.gz"
load --chunk 64KiB --max-event 1MiB "$DIR/bomb.gz"
is "$STATUS" 65 'a line without end: status 65'
is "$(summary events)" 2 'the others are loaded'
like "$(rejected text)" 'over --max-event \(1048576\)' 'it is rejected'
done_testing
