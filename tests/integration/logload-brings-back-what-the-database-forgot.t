#!/usr/bin/env bash
# A server that does not sync, or a backup that is older, forgets files that it
# had committed, rows and ledger lines together. Those are in loaded/ still, and
# each of their events becomes a row again, once; records that were loaded again
# come back to rejected/.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

spool_new
mkdir -p "$SPOOL/ready"
# put N EVENTS [FROM]
put() {
	events "$2" "${3:-0}" >"$SPOOL/ready/.put"
	mv "$SPOOL/ready/.put" "$SPOOL/ready/$(ready "$1")"
}
case $DB in
mariadb | mysql)
	unsynced=(--innodb-flush-log-at-trx-commit=0 --sync-binlog=0 --log-bin)
	;;
postgresql) unsynced=(-c fsync=off -c synchronous_commit=off) ;;
*) unsynced=() ;;
esac

db_start "${unsynced[@]}"
make_tables
constrain "event <> 'bad'"
put 1 10
printf '{"event":"%s"}\n' good bad >"$SPOOL/ready/$(ready 2)"
logload_start --jobs 3
ok 'a first file' wait_rows 11
ok 'and a refused event' wait_for no_files ready
is "$(files loaded)/$(files rejected)" 2/1 'both stay in loaded/'
unconstrain
db_stop
cp -a "$DB_FILES" "$DIR/older"

# --- what is lost

db_start "${unsynced[@]}"
for n in {11..60}; do
	put "$n" 10 "$((n * 100))"
done
ok 'more files' wait_rows 511
ok 'all are loaded' wait_for no_files ready
run logload --db "$DB_URL" --spool "$SPOOL" --retry-rejected
is "$STATUS/$(rows)/$(files rejected)/$(files loaded)" 0/512/0/53 \
	'the refused event is a row, and its record in loaded/'
db_kill
rm -r "${DB_FILES:?}"
mv "$DIR/older" "$DB_FILES"
db_start "${unsynced[@]}"
is "$(rows)/$(sql 'SELECT COUNT(*) FROM log_files')" 11/2 'the server has forgotten'

# --- and back

put 100 1 10000
ok 'all files are back' wait_rows 512
ok 'none is left over' wait_for no_files ready
sql_is "SELECT COUNT(*), COUNT(DISTINCT $(payload)) FROM logs" '512	512' \
	'each event once'
is "$(files loaded)" 53 'they stay in loaded/ once more'
like "$(log_since logload)" 'warn .* the database has forgotten .* files=' 'told'
is "$(files rejected)" 1 'the record is back in rejected/'
like "$(log_since logload)" 'run --retry-rejected once more: file=rejected/' \
	'told, with what to run'
run logload --db "$DB_URL" --spool "$SPOOL" --retry-rejected
is "$STATUS/$(rows)/$(files rejected)" 0/513/0 'which makes a row of it again'
stop logload
is "$(metric logload logload_files_asked_back_total)" 51 'counted'
is "$(metric logload logload_settle_covered_seconds)" 300 'all of --settle is there'

# --- while nobody looked

sql "DELETE FROM logs WHERE file_id IN (SELECT id FROM log_files
	WHERE name LIKE '%000012%' OR name LIKE '%000013%')"
sql "DELETE FROM log_files WHERE name LIKE '%000012%' OR name LIKE '%000013%'"
is "$(rows)" 493 'two files are forgotten'
once
is "$STATUS/$(rows)/$(files ready)" 0/513/0 'the next start asks'
once
is "$STATUS/$(rows)" 0/513 'and the next'

# --- records that have gone further, which come again as well

retry() {
	run logload --db "$DB_URL" --spool "$SPOOL" --retry-rejected
}
forget() { # NAMES
	sql "DELETE FROM logs WHERE file_id IN
		(SELECT id FROM log_files WHERE name LIKE '$1'); DELETE FROM log_files WHERE name LIKE '$1'"
}
constrain "event <> 'worse'"
printf '{"event":"%s"}\n' good worse >"$SPOOL/ready/$(ready 300)"
once
retry
retry
kept=$(files loaded)
is "$STATUS/$(rejected line | xargs)" 65/2 'a record went further twice'
forget '%-300@retry-%'
retry
is "$STATUS/$(rejected line | xargs)/$(files loaded)" "75/2/$kept" \
	'the two are forgotten: it is left for later'
once
# The second one stays only where it came back before the first.
like "$(files rejected)" '^[12]$' 'what it was read from is back, in its place'
retry
retry
is "$STATUS/$(rejected line | xargs)" 65/2 'the record is there once'
forget '%-300%'
once
is "$(rows)/$(rejected line | xargs)" 514/2 'and once with all forgotten'
retry
retry
is "$STATUS/$(rejected line | xargs)" 65/2 'and retried'
unconstrain
retry
is "$STATUS/$(rows)/$(files rejected)" 0/515/0 'until it is a row'
done_testing
