#!/usr/bin/env bash
# The server neither answers nor goes away, as when its machine hangs: a signal
# ends logload within some seconds all the same, and nothing is lost or twice.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

mariadb_start
spool_new
mkdir -p "$SPOOL/ready"
resume() { kill -CONT "$(pid mariadb)"; }
put() {
	events 10 >"$SPOOL/ready/.$1"
	mv "$SPOOL/ready/.$1" "$SPOOL/ready/$1"
}
# ends NAME: it ends within 15 s
ends() {
	kill -TERM "$(pid "$1")"
	ok "$1: it ends" wait_exit "$1" 15 || kill_hard "$1"
}

# Amid a statement of an open session.
logload_start
put "$(ready 1)"
wait_rows 10
kill -STOP "$(pid mariadb)"
put "$(ready 2)"
ok 'it works on a file' wait_for works_on logload "$(ready 2)"
ends logload
is "$STATUS" 0 'following: status 0'
is "$(files ready)" 1 'the file stays'

# While it connects.
start connecting logload --db "$DB_URL" --spool "$SPOOL"
wait_log connecting ' ready '
ends connecting
resume

once
is "$(rows)" 20 'all is loaded, once'

# By hand.
start locker mariadb --no-defaults -S "$DB_SOCKET" -u root \
	-e 'LOCK TABLES logs READ; SELECT SLEEP(600)' logs
shows() { sql 'SELECT info FROM information_schema.processlist' | grep -q "$1"; }
wait_for shows '^SELECT SLEEP'
events 10 >"$DIR/a"
start hand logload --db "$DB_URL" "$DIR/a"
wait_for shows "^INSERT INTO .logs"
ends hand
is "$STATUS" 75 'by hand: status 75'
done_testing
