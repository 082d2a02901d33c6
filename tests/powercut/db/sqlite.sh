# shellcheck shell=bash
#
# sqlite.sh - SQLite for powercut/run. Its file and its log lie below the root
# and are cut like any others: what it has committed has to be there by its own
# doing. So nothing else may keep an event that was loaded: no --settle.

# shellcheck disable=SC2034 # for run

powercut_start() {
	DB_CLIENT=
	DB_URL='sqlite:{root}/logs.db'
	DB_LOAD=(--settle 0)
}

# Where logload dies, if it is to: a word of the trace, a path, which one.
powercut_deaths=('write logs.db-wal 9' 'synced logs.db-wal 3'
	'unlink spool/ready 2')

# Whoever writes the file has to be recorded.
sqlite_recorded() {
	recorded "$RUN-sqlite" sqlite3 -bail -batch -cmd '.timeout 30000' \
		"$ROOT/logs.db" "$1"
	wait_exit "$RUN-sqlite" || give_up 'sqlite3 does not end'
	[ "$STATUS" -eq 0 ] || give_up "sqlite3 ends with $STATUS"
}

powercut_tables() {
	sqlite_recorded "$(logload --db sqlite:none --print-schema)"
	# It takes deep events.
	[ "$1" -eq 0 ] || powercut_refuse
}

powercut_refuse() {
	sqlite_recorded "CREATE TRIGGER fair BEFORE INSERT ON logs WHEN
		NEW.event = 'odd' BEGIN SELECT RAISE(ABORT, 'odd'); END"
}

powercut_accept() {
	sqlite_recorded 'DROP TRIGGER fair'
}

powercut_blind() {
	ok 'a log of the database that is not synced would be seen' \
		blind lost --forget 'file logs.db-wal'
}
