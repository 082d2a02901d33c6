# shellcheck shell=bash
#
# mariadb.sh - MariaDB for powercut/run. What it has committed stays there, so
# the trace tells what it held at a cut.

# shellcheck disable=SC2034 # for run

powercut_start() {
	mariadb_start --innodb-flush-log-at-trx-commit=2
	DB_CLIENT="mariadb --no-defaults --socket=$DB_SOCKET --user=root
		--batch --raw --skip-column-names --unbuffered"
	DB_URL='mysql://root@localhost/{name}?socket='$DB_SOCKET
}

# Where logload dies, if it is to: a word of the trace, a path, which one.
powercut_deaths=('commit  3' 'committed  2' 'rename spool/loaded 2')

powercut_tables() {
	tests_mysql -e "CREATE DATABASE $RUN"
	logload --db mysql://root@localhost/none --print-schema |
		tests_mysql --database="$RUN"
}

# Odd events are refused, and no longer. Deep ones always are.
powercut_refuse() {
	tests_mysql --database="$RUN" -e \
		"ALTER TABLE logs ADD CONSTRAINT fair CHECK (event <> 'odd')"
}

powercut_accept() {
	tests_mysql --database="$RUN" -e \
		'ALTER TABLE logs DROP CONSTRAINT fair'
}

powercut_drop() {
	tests_mysql -e "DROP DATABASE $RUN"
}
