#!/usr/bin/env bash
# Somebody copies a file of his own into ready/ instead of moving it there. It is
# left alone until nobody writes to it any more; then it gets a name of its own,
# so that the next file of that name is another one; and no part of it is taken
# for a torn tail, which only a spool's writer leaves.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
own='^20[0-9T.]*Z-[^+]*-[0-9a-f]{8}\+'

# One who may not know of writers waits until the file rests.
spool_new
others=$SPOOL
mkdir -p "$SPOOL/ready"
events 5 >"$SPOOL/ready/others.ndjson"
chown nobody "$SPOOL/ready/others.ndjson" 2>/dev/null &&
	setpriv --bounding-set=-lease true 2>/dev/null || others=
[ -z "$others" ] || start waiting setpriv --bounding-set=-lease logload \
	--db "$DB_URL" --table others --spool "$SPOOL"

spool_new
mkdir -p "$SPOOL/ready"
{ events 10; printf '{"id":"to'; } >"$SPOOL/ready/half.ndjson"
{ events 10; printf '{"id":"to'; } >"$SPOOL/ready/$(ready 1)"
once
is "$(rows)" 20 'whole lines are loaded'
is "$(ledger torn | sort -n | xargs)" '0 9' \
	'a torn tail is one in a file of the spool alone'
like "$(rejected file)" "${own}half.ndjson\$" 'in the other one it is rejected'
is "$(rejected raw)" '{"id":"to' 'and nothing is lost'

# Names that were used before, or are one to who does not see it.
for name in half Half "$(printf 'x%.0s' {1..190})"; do
	events 10 50 >"$SPOOL/ready/$name.ndjson"
	once
	is "$STATUS/$(files ready)" 0/0 'another file is loaded'
done
is "$(rows)" 50 'whatever its name'
sql_is "SELECT FLOOR(MAX(LENGTH(name)) / 200) + 1, COUNT(DISTINCT name) FROM log_files" '1	5' \
	'which is cut where it is too long'

# A copier who takes his time, while others' files come.
logload_start --log-level debug
exec 9>"$SPOOL/ready/slow.ndjson"
events 400 >&9
events 1 >"$SPOOL/.live"
mv "$SPOOL/.live" "$SPOOL/ready/$(ready 2)"
ok 'another file is loaded' wait_rows 51
run logload --spool "$SPOOL" --check
like "$OUT" 'note ready/slow.ndjson: waits: somebody has it open for writing' \
	'whoever asks is told that the slow one waits'
is "$(rows)" 51 'it does'
events 600 400 >&9
started=$(now_ms)
exec 9>&-
ok 'all of it is loaded when it is whole' wait_rows 1051
num "$(($(now_ms) - started))" -lt "$((2000 * WAIT_SCALE))" 'at once'
ok 'and removed' wait_for no_files ready
stop logload
exec 9>"$SPOOL/ready/slow.ndjson"
once --wait 0s
is "$STATUS" 75 '--once tries again later: status 75'
like "$ERR" 'other processes load or write them: files=1' 'and says why'
exec 9>&-

# One that a spool has named is copied back, as from a backup.
exec 9>"$SPOOL/ready/$(ready 9)"
{ events 10 1100; printf '{"id":'; } >&9
once --wait 0s
is "$STATUS/$(rows)" 75/1051 'one of a spool waits as well'
printf '"e1110"}\n' >&9
exec 9>&-
once
is "$STATUS/$(rows)/$(files ready)" 0/1062/0 'and is loaded when it is whole'
sql "DELETE FROM logs WHERE $(member id) LIKE 'e11__'"
# Its own writer may still have it open.
events 1 1200 >"$DIR/held"
exec 9>>"$DIR/held"
touch -d '1 second ago' "$DIR/held" # not in the same tick of the clock
mv "$DIR/held" "$SPOOL/ready/$(ready 10)"
once --wait 0s
is "$STATUS/$(rows)" 0/1052 'one that was moved there does not wait'
exec 9>&-
sql "DELETE FROM logs WHERE $(member id) = 'e1200'"

# By hand it has the name that it would have.
events 10 90 >"$SPOOL/ready/slow.ndjson"
load --spool "$SPOOL" --dry-run "$SPOOL/ready/slow.ndjson"
is "$(find "$SPOOL/ready" -name '[!.]*' -type f -printf '%f')" slow.ndjson \
	'a dry run renames nothing'
load --spool "$SPOOL" "$SPOOL/ready/slow.ndjson"
is "$STATUS/$(rows)" 0/1061 'by hand it is loaded'
once
is "$(rows)/$(files ready)" 1061/0 'once'

# The version before began with such a file under its name.
events 10 >"$SPOOL/ready/begun.ndjson"
front=$(head -n 4 "$SPOOL/ready/begun.ndjson" | wc -c)
sql "INSERT INTO log_files SELECT 7, 'begun.ndjson', 999, 4, 0, 0, $front, 4,
	$(sql_now), NULL, NULL, NULL"
once
is "$(rows)/$(files ready)" 1067/0 'what it has loaded is not loaded again'

# Or had loaded all of it, and was killed before it could remove it.
events 10 >"$SPOOL/ready/ended.ndjson"
sql "INSERT INTO log_files SELECT 8, 'ended.ndjson', bytes, 10, 0, 0, bytes, 10,
	$(sql_now), $(sql_now), NULL, NULL
	FROM (SELECT $(wc -c <"$SPOOL/ready/ended.ndjson") bytes) b"
once
is "$(rows)/$(files ready)" 1067/0 'nor is what it has loaded to its end'
events 10 >"$SPOOL/ready/ended.ndjson"
once
is "$(rows)/$(files ready)" 1077/0 'but what came later under that name is'

# One that a spool has named is written to while it is loaded: a lock holds the
# load up.
lock_logs
events 10 >"$SPOOL/ready/$(ready 3)"
logload_start
ok 'it waits for a lock' wait_locked_out
events 10 10 >>"$SPOOL/ready/$(ready 3)"
kill_hard locker
ok 'the load goes on' wait_rows 1087
ok 'it tells' wait_log logload " error .* file=$(ready 3) it was written to"
is "$(files ready)" 1 'the file stays'
stop logload
once
is "$STATUS" 74 'and stays'
like "$ERR" 'the ledger has [0-9]+ bytes under that name' 'as often as it is met'

if [ -n "$others" ]; then
	resting() { [ "$(sql 'SELECT COUNT(*) FROM others')" = 5 ]; }
	ok 'a file that rests is loaded' wait_for -t 30 resting
	stop waiting
	at() { date -d "$(log_since waiting | sed -n "s/ .* $1 .*//p")" +%s; }
	num "$(($(at named) - $(at ready)))" -ge 8 'not before'
fi
done_testing
