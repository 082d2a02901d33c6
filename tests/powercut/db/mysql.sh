# shellcheck shell=bash
#
# mysql.sh - MySQL for powercut/run; else as MariaDB.

# shellcheck source=tests/powercut/db/mariadb.sh
. "${BASH_SOURCE[0]%/*}/mariadb.sh"

mariadb_start() {
	mysql_start --skip-log-bin "$@"
}
