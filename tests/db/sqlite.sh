# shellcheck shell=bash
#
# sqlite.sh - SQLite for lib.sh: a file, $DB_FILE, which needs no server. It is
# away while its folder is.

# shellcheck disable=SC2034 # DB_FILE and the like are for the tests

sqlite_start() {
	DB=sqlite
	DB_PICKY=1811
	DB_REFUSED=1811
	DB_FILE=$DIR/sqlite/logs.db
	DB_URL=sqlite:$DB_FILE
	DB_FILES=$DIR/sqlite.away
	if [ -d "$DB_FILES" ]; then
		mv "$DB_FILES" "$DIR/sqlite"
	else
		mkdir -p "$DIR/sqlite"
	fi
}

sqlite_stop() {
	mv "$DIR/sqlite" "$DB_FILES"
}

sqlite_kill() {
	sqlite_stop
}

sqlite_sql() {
	sqlite3 -batch -bail -separator $'\t' -nullvalue NULL \
		-cmd '.timeout 10000' "$DB_FILE" "$1"
}

sqlite_as_owner() {
	sqlite_sql "$1"
}

sqlite_member() {
	printf "(payload->>'%s')\n" "$1"
}

sqlite_now() {
	echo "strftime('%Y-%m-%d %H:%M:%f000')"
}

sqlite_payload() {
	echo payload
}

sqlite_as_stored() {
	printf '%s\n' "$1"
}

sqlite_instant() {
	echo "$1"
}

sqlite_indexes() {
	sql "SELECT i.name || ' ' || group_concat(c.name, ',')
		FROM pragma_index_list('logs') i, pragma_index_info(i.name) c
		GROUP BY i.name"
}

# No ALTER TABLE adds a constraint there.
sqlite_constrain() {
	sqlite_sql "CREATE TRIGGER picky BEFORE INSERT ON logs
		WHEN (SELECT NOT ($1) FROM (SELECT NEW.event AS event,
			NEW.level AS level, NEW.user_id AS user_id))
		BEGIN SELECT RAISE(ABORT, 'CONSTRAINT picky failed'); END"
}

sqlite_unconstrain() {
	sqlite_sql 'DROP TRIGGER picky'
}

sqlite_rights() {
	false
}

sqlite_password() {
	false
}

sqlite_refuse() {
	sqlite_sql "DROP TRIGGER IF EXISTS refuse;
		CREATE TRIGGER refuse BEFORE INSERT ON logs WHEN $1
		BEGIN SELECT RAISE(ABORT, 'refused'); END"
}

sqlite_statements() {
	cat "$DIR/.held" 2>/dev/null
}

sqlite_lock_logs() {
	rm -f "$DIR/.held"
	start locker sqlite3 -batch -bail -cmd '.timeout 10000' "$DB_FILE" \
		'BEGIN IMMEDIATE' ".shell echo 'LOCK TABLE' >'$DIR/.held'" \
		".shell while [ -e '$DIR/.held' ]; do sleep 0.02; done" COMMIT
}

sqlite_unlock_logs() {
	rm -f "$DIR/.held"
	wait_exit locker
}

# Prints how often each thread of our loaders has gone to rest.
# shellcheck disable=SC2154 # of lib.sh
tests_sqlite_rests() {
	local pid ours

	# Each that we start leads a session; pipeline.sh's children do, too.
	ours=$(IFS=, && echo "${tests_pid[*]}")
	for pid in $(pgrep -x logload -s "$ours"; pgrep -x logload -P "$ours"); do
		grep -H '^voluntary' "/proc/$pid"/task/*/status
	done 2>/dev/null
}

# One that waits looks again and again.
sqlite_is_locked_out() {
	tests_sqlite_rests >"$DIR/.rests"
	sleep 0.2
	tests_sqlite_rests | awk -v before="$DIR/.rests" '
		BEGIN { while ((getline <before) > 0) was[$1] = $2 }
		($1 in was) && $2 >= was[$1] + 4 { waits = 1 }
		END { exit !waits }'
}
