# shellcheck shell=bash
#
# sqlite-lib.sh - over lib.sh: the database is the file $DB_FILE, $DB_URL names
# it, and sql, sql_is, rows and wait_rows speak to it.

DB_FILE=$DIR/logs.db
export DB_URL=sqlite:$DB_FILE

sql() {
	sqlite3 -batch -bail -separator $'\t' -nullvalue NULL \
		-cmd '.timeout 10000' "$DB_FILE" "$1"
}
