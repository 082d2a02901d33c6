# shellcheck shell=bash
#
# sqlite.sh - SQLite for lib.sh: a file, which needs no server.

# shellcheck disable=SC2034 # DB_FILE and the like are for the tests

sqlite_start() {
	DB=sqlite
	DB_FILE=$DIR/logs.db
	DB_URL=sqlite:$DB_FILE
}

sqlite_stop() {
	:
}

sqlite_kill() {
	:
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
