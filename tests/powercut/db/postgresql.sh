# shellcheck shell=bash
#
# postgresql.sh - PostgreSQL for powercut/run, a schema for each run. What it has
# committed stays there, so the trace tells what it held at a cut.

# shellcheck disable=SC2034 # for run

powercut_start() {
	postgresql_start -c fsync=off -c synchronous_commit=off
	DB_CLIENT="stdbuf -oL psql --no-psqlrc --quiet --host=$DB_SOCKET
		--port=$DB_PORT --username=root --dbname=logs --no-align
		--tuples-only --set=ON_ERROR_STOP=1"
	DB_URL="postgresql://root@/logs?host=$DB_SOCKET&port=$DB_PORT"
	DB_URL+='&options=-csearch_path%3D{name}'
}

# Where logload dies, if it is to: a word of the trace, a path, which one.
powercut_deaths=('commit  3' 'committed  2' 'rename spool/loaded 2')

powercut_tables() {
	postgresql_sql "CREATE SCHEMA $RUN; SET search_path=$RUN;
		$(logload --db postgresql://root@/none --print-schema)"
	# It takes deep events.
	[ "$1" -eq 0 ] || powercut_refuse
}

powercut_refuse() {
	postgresql_sql "ALTER TABLE $RUN.logs ADD CONSTRAINT fair
		CHECK (event <> 'odd')"
}

powercut_accept() {
	postgresql_sql "ALTER TABLE $RUN.logs DROP CONSTRAINT fair"
}

powercut_drop() {
	postgresql_sql "DROP SCHEMA $RUN CASCADE"
} 2>/dev/null
