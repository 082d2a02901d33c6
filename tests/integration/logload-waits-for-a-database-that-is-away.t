#!/usr/bin/env bash
# Errors that pass: the file stays, logload waits with growing pauses for as
# long as it takes, says so once, and goes on by itself.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready"
n=0

# drop N: N events into ready/
drop() {
	n=$((n + 1))
	events "$1" "$((n * 1000000))" >"$DIR/drop"
	mv "$DIR/drop" "$SPOOL/ready/$(ready "$n")"
}

# end_sleep USER: ends the session of that user that sleeps
end_sleep() {
	sql "KILL $(sql "SELECT id FROM information_schema.processlist
		WHERE user = '$1' AND info = 'SELECT SLEEP(600)'")"
}

# Of MySQL, what is told of a server that is away has a code.
case $DB in
mariadb | mysql) away='\(2002\)' gone='\(20[0-2][0-9]\)' ;;
*) away=': .' gone=': .' ;;
esac

# waits NAME ERROR: it has met that error and the file stays
waits() {
	ok "$1: it tells of error $2" wait_log logload "(is away|in conflict).*$2"
	is "$(files ready)" 1 "$1: the file stays"
	ok "$1: it lives" alive logload
}

db_stop
drop 10
logload_start
waits 'not there yet' "$away"
is "$(log_since logload | grep -c 'is away')" 1 'once, not for each try'
db_start
ok 'it comes: loaded' wait_rows 10 60
ok 'and logged' wait_log logload 'takes events again'
stop logload

# What only a server of MySQL's kind is told to be.
if [ "$away" = '\(2002\)' ]; then
	sql 'SET GLOBAL innodb_lock_wait_timeout=1, GLOBAL lock_wait_timeout=1'
	sql 'SET GLOBAL read_only=1'
	drop 10
	logload_start
	waits 'read-only' '\(1290\)'
	sql 'SET GLOBAL read_only=0'
	ok 'read-only no more: loaded' wait_rows $((n * 10)) 60
	stop logload

	sql "ALTER USER logs@'%' WITH MAX_USER_CONNECTIONS 1"
	start holder mariadb --no-defaults -h "$DB_HOST" -P "$DB_PORT" -u logs \
		-psecret -e 'SELECT SLEEP(600)' logs
	held() { [ "$(sql "SELECT COUNT(*) FROM information_schema.processlist
		WHERE user='logs' AND info LIKE '%SLEEP%'")" = 1 ]; }
	wait_for held
	drop 10
	logload_start
	waits 'too many connections' '\(1226\)'
	end_sleep logs
	sql "ALTER USER logs@'%' WITH MAX_USER_CONNECTIONS 0"
	ok 'there is room again: loaded' wait_rows $((n * 10)) 60
	stop logload

	lock_logs
	locked() { [ "$(sql "SELECT COUNT(*) FROM information_schema.processlist
		WHERE info LIKE '%SLEEP%'")" -ge 2 ]; }
	wait_for locked
	drop 10
	logload_start
	waits 'a locked table' '\(1205\)'
	end_sleep root
	ok 'unlocked: loaded' wait_rows $((n * 10)) 60
else
	drop 10
	logload_start
	ok 'another file' wait_rows 20
fi

# Away in the midst of following, and back.
db_kill
drop 10
ok 'killed: it tells' wait_log logload "is away.*$gone"
db_start
ok 'back: loaded' wait_rows $((n * 10)) 60
ok 'ready/ is empty' wait_for no_files ready
stop logload
is "$STATUS" 0 'it stops with status 0'
sql_is "SELECT COUNT(DISTINCT $(member id)) FROM logs" $((n * 10)) \
	'each event once'

# While it waits, a signal ends it at once.
db_stop
drop 10
logload_start
wait_log logload 'is away'
started=$(now_ms)
stop logload
is "$STATUS" 0 'stopped while it waits: status 0'
num "$(($(now_ms) - started))" -lt "$((2000 * WAIT_SCALE))" 'at once'
run logload --db "$DB_URL" --spool "$SPOOL" --once --wait 300ms
is "$STATUS" 75 '--once gives up after --wait: status 75'
is "$(files ready)" 1 'the file stays'
done_testing
