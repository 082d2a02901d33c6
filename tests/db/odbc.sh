# shellcheck shell=bash
#
# odbc.sh - ODBC for lib.sh: over the server, or file, of the database that the
# variable ODBC names (postgresql, if it does not), through Debian's driver for
# it. The tables are made of what --print-schema prints, with the first start.

# shellcheck disable=SC2034 # DB and the like are for lib.sh and the tests

ODBC=${ODBC:-postgresql}
for tests_odbc_drivers in /usr/lib/*/odbc; do :; done

odbc_start() {
	local driver

	case $ODBC in
	mariadb) driver=libmaodbc.so ;;
	postgresql) driver=psqlodbcw.so ;;
	sqlite) driver=libsqlite3odbc.so ;;
	esac
	driver=$tests_odbc_drivers/$driver
	[ -e "$driver" ] || skip_all "no ODBC driver for $ODBC here"
	"${ODBC}_start" "$@"
	DB=odbc
	case $ODBC in
	sqlite) DB_URL="odbc:Driver=$driver;Database=$DB_FILE" ;;
	*) DB_URL="odbc:Driver=$driver;Server=$DB_HOST;Port=$DB_PORT;Database=logs;UID=logs" ;;
	esac
	[ -e "$DIR/.odbc-$ODBC" ] || make_tables 2>"$DIR/.odbc-$ODBC"
}

# What --print-schema prints, as each wants it.
tests_odbc_adapt() {
	case $ODBC in
	mariadb)
		echo 'SET sql_mode=CONCAT(@@sql_mode, ",ANSI_QUOTES");'
		sed 's/TIMESTAMP(6)/DATETIME(6)/; s/TEXT/LONGTEXT CHARACTER SET utf8mb4/
			s/VARCHAR([0-9]*)/& CHARACTER SET utf8mb4 COLLATE utf8mb4_bin/'
		;;
	postgresql) sed 's/TEXT/JSON/' ;;
	sqlite) cat ;;
	esac
}

odbc_as_owner() {
	"${ODBC}_as_owner" 'DROP TABLE IF EXISTS logs; DROP TABLE IF EXISTS log_files' \
		2>/dev/null
	"${ODBC}_as_owner" "$(tests_odbc_adapt <<<"$1")"
}

odbc_sql() {
	"${ODBC}_sql" "$1"
}

odbc_stop() {
	"${ODBC}_stop"
}

odbc_freeze() {
	"${ODBC}_freeze" "$1"
}

odbc_kill() {
	"${ODBC}_kill"
}

odbc_member() {
	"${ODBC}_member" "$1"
}

odbc_payload() {
	"${ODBC}_payload"
}

odbc_statements() {
	"${ODBC}_statements"
}

odbc_lock_logs() {
	"${ODBC}_lock_logs" "$1"
}

odbc_unlock_logs() {
	"${ODBC}_unlock_logs"
}

odbc_is_locked_out() {
	"${ODBC}_is_locked_out"
}
