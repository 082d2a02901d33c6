#!/usr/bin/env bash
# A database that keeps a loader waiting for long, with the table locked, keeps
# no acknowledgement waiting: neither the first one after the file that is being
# loaded was handed over, nor any other, nor the next hand-over.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

# at_once NAME EVENT: it is acknowledged, within a second
at_once() {
	local before

	before=$(now_ms)
	ok "$1" send_event "$2"
	num $(($(now_ms) - before)) -lt $((1000 * WAIT_SCALE)) '  at once'
}

hand_over() {
	run logbatch --spool "$SPOOL" --once
	is "$STATUS" 0 "$1"
}

# A loader waits for the table: the server tells.
waits() {
	sql 'SELECT state FROM information_schema.processlist' |
		grep -q 'Waiting for table'
}

db_start
spool_new
logrecv_start --workers=1
logload_start
at_once 'an event is taken' '{"i":0}'
hand_over 'its file is handed over'
ok 'it is a row' wait_rows 1

at_once 'another is taken' '{"i":1}'
mkfifo "$DIR/statements"
start locker sh -c "exec mariadb --no-defaults -S '$DB_SOCKET' -u root \
	--unbuffered logs <'$DIR/statements'"
exec 7>"$DIR/statements"
echo "LOCK TABLES logs WRITE; SELECT 'locked';" >&7
ok 'the table is locked' wait_for grep -q locked "$DIR/locker.out"
hand_over 'its file is handed over, too'
ok 'logload is at it' wait_for works_on_a_file
ok 'and waits for the table' wait_for waits
at_once 'an event is taken meanwhile' '{"i":2}'
hand_over 'and handed over'
at_once 'and one more' '{"i":3}'
http GET /readyz
is "$CODE" 200 'it is ready'
echo 'UNLOCK TABLES;' >&7
hand_over 'the last file, too'
ok 'when the table is let go, all are rows' wait_rows 4
is "$(rows)" 4 'each once'
exec 7>&-
stop logrecv
stop logload
done_testing
