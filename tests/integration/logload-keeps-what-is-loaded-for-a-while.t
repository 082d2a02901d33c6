#!/usr/bin/env bash
# loaded/ is a safety net and no archive: a file leaves it when --settle is over
# or there is no room, but never without the ledger having been asked, if the
# database answers. What has settled is never loaded again.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready"
# put N: 10 events
put() {
	events 10 "$(($1 * 100))" >"$SPOOL/ready/.put"
	mv "$SPOOL/ready/.put" "$SPOOL/ready/$(ready "$1")"
}
is_rows() { [ "$(rows)" = "$1" ]; }

# --- its time

once --settle 0
is "$STATUS/$(files loaded)" 0/0 'an empty spool'
put 1
once --settle 0
is "$STATUS/$(files loaded)/$(rows)" 0/0/10 '--settle 0: removed at once'
put 2
once
is "$STATUS/$(files loaded)/$(rows)" 0/1/20 'else it stays, and nobody waits'
once --settle 0
is "$(files loaded)" 1 '--settle 0 touches nothing'
logload_start --settle 1s
put 3
ok 'loaded' wait_rows 30
ok 'and removed when the time is over' wait_for no_files loaded
stop logload
is "$(metric logload logload_files_asked_back_total)/$(rows)" 0/30 'for good'

# --- its time is over amid a backlog

for n in {201..240}; do
	put "$n"
done
leaves() {
	local left

	left=$(files ready)
	[ "$((left + $(files loaded)))" -lt 40 ] && [ "$left" -gt 0 ]
}
logload_start --settle 1ms --rate 50
ok 'it leaves while others are loaded' wait_for leaves
stop logload
once --settle 1ms
once --settle 1ms
sql "DELETE FROM logs WHERE CAST($(member n) AS DECIMAL) >= 20000"
is "$(files ready)/$(files loaded)/$(rows)" 0/0/30 'and so do they'

# --- a database that is away when it is due

put 4
once
is "$STATUS/$(files loaded)/$(rows)" 0/1/40 'another one'
sql 'DELETE FROM logs'
sql 'DELETE FROM log_files'
db_kill
logload_start --settle 1ms
ok 'it is due, and the database away' wait_log logload 'the database is away'
is "$(files loaded)" 1 'it stays'
db_start
ok 'and comes back' wait_for is_rows 10
ok 'to stay and go like any other' wait_for no_files loaded
stop logload

# --- how much

logload_start --settle-limit "$(($(events 10 1000 | wc -c) * 5))" --jobs 2
for n in {11..30}; do
	put "$n"
done
ok 'more than there is room for' wait_rows 210
ok 'all loaded' wait_for no_files ready
stop logload
is "$(find "$SPOOL/loaded" -type f -printf '%f\n' | wc -l)" 5 \
	'over --settle-limit the oldest go'
num "$(metric logload logload_settle_covered_seconds)" -lt 300 \
	'a gauge tells how far back it reaches'
is "$(metric logload logload_loaded_files)" 5 'and how many there are'
num "$(metric logload logload_loaded_bytes)" -le \
	"$(metric logload logload_loaded_limit_bytes)" 'within the limit'

# --- what has settled

once --settle 1ms
is "$(files loaded)/$(rows)" 0/210 'what is due goes at the next start'
put 41
once --keep --settle 1s
before=$(rows)
sql 'DELETE FROM logs WHERE file_id = (SELECT id FROM log_files
	ORDER BY loaded_at DESC LIMIT 1)'
sql 'DELETE FROM log_files'
is "$(rows)" "$((before - 10))" 'forgotten'
has_settled() {
	[ -n "$(find "$SPOOL/loaded" -type f ! -newerct '1 second ago')" ]
}
ok 'and --settle is over before the next start' wait_for has_settled
once --keep --settle 1s
is "$STATUS/$(files loaded)/$(rows)" "0/1/$before" \
	'what was not asked about since is, even so'
once --keep --settle 1ms
sql 'DELETE FROM log_files'
once --keep --settle 1ms
is "$STATUS/$(files loaded)/$(rows)" "0/1/$before" \
	'--keep holds it, and nobody asks about it again'
once --keep --settle 1ms --table other
is "$STATUS/$(files loaded)/$(rows)" "0/1/$before" 'nor for another table'
sql 'DELETE FROM logs'
once --keep
is "$STATUS/$(files loaded)/$(rows)" 0/1/10 'as long as --settle it would'

# --- what --keep has kept, when it is given up

once --keep --settle 1ms
sql 'DELETE FROM log_files'
put 42
once --settle 1ms --settle-limit 1
is "$STATUS/$(files loaded)/$(rows)" 0/1/20 \
	'it is neither removed nor loaded again, nor has it a part in the limit'
like "$ERR" 'info .* left alone in loaded/, where --keep has kept them: files=1' \
	'and is told of'
kept=$(ls "$SPOOL/loaded")
put 43
once --settle 1ms
is "$STATUS/$(ls "$SPOOL/loaded")/$(rows)" \
	"0/$(printf '%s\n' "$kept" "$(ready 43)")/30" 'what is loaded after it stays'
once --settle 1ms
is "$(ls "$SPOOL/loaded")" "$kept" 'and goes, and it does not'
rm "$SPOOL/ready/.settled"
sql 'DELETE FROM log_files'
once --settle 1ms
is "$STATUS/$(ls "$SPOOL/loaded")/$(rows)" "0/$kept/30" \
	'nor does what a version has kept that left no mark'
done_testing
