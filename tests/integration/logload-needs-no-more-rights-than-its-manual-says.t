#!/usr/bin/env bash
# A user with the GRANTs of the manual, and no other, loads: into tables that
# are there, and into those that it makes. What is missing is named.
# Of those who have the GRANTs of MySQL; …-knows-what-bites-in-postgresql.t has the
# others. SQLite knows no users.
# databases: mariadb mysql
# shellcheck disable=SC2016 # backquotes are MySQL's
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
# loader GRANTS: a new user, with the manual's statements that match.
loader() {
	sql "DROP USER IF EXISTS loader; DROP TABLE IF EXISTS logs, log_files;
		CREATE USER loader IDENTIFIED BY 'secret'"
	[ "$2" = '' ] || logload --print-schema | mariadb --no-defaults \
		-S "$DB_SOCKET" -u root logs
	sed -n 's/^\.Dl \(GRANT .*\)/\1;/p' "$TOP/cmd/logload/logload.8" |
		grep -E "$1" | mariadb --no-defaults -S "$DB_SOCKET" -u root logs
}
DB_URL=mysql://loader@127.0.0.1:$DB_PORT/logs

{
	events 3
	printf '{"timestamp":"2026-11-22T07:33:51Z","level":"info"}\nbad\n'
} >"$DIR/a"
loader 'GRANT CREATE' ''
load "$DIR/a"
is "$STATUS" 65 'with CREATE: the tables are made, and filled'
is "$(rows)" 4 'all but the bad one'
run logload --db "$DB_URL" --retry-rejected "$DIR/rejected"
is "$(summary kept)" 1 'the rejected one is tried again'

loader 'GRANT SELECT' made
load "$DIR/a"
is "$STATUS" 65 'without CREATE: those that are there are filled'
load --dry-run "$DIR/a"
is "$(summary skipped)" 1 'and the ledger is asked'

# days N: one event of each of the last N days
days() {
	local n

	for ((n = 0; n < $1; n++)); do
		printf '{"@received_at":"%s"}\n' \
			"$(date -u -d "$n days ago" +%FT00:00:00Z)"
	done
}
loader 'GRANT (CREATE|DELETE,)' ''
days 10 >"$DIR/days"
load --partition day "$DIR/days"
is "$STATUS/$(rows)" 0/10 'partitions are made'
days 1 >"$DIR/today"
load --partition day --retain 2d "$DIR/today"
is "$STATUS/$(rows)" 0/4 'and dropped'
sql 'REVOKE ALTER ON logs.logs FROM loader'
days 20 >"$DIR/days"
load --partition day "$DIR/days"
is "$STATUS" 78 'or not, where that right is missing'
like "$ERR" 'denied.*GRANT SELECT, INSERT, ALTER, CREATE, DROP ON `logs`.`logs` TO ' \
	'it is told'
events 3 >"$DIR/c"
load --retain 1d "$DIR/c"
like "$ERR" 'denied.*INSERT, DELETE, ALTER, CREATE, DROP ON `logs`.`logs` TO ' \
	'and for partitions that others have made'
sql 'GRANT CREATE, SELECT, INSERT, DELETE ON logs.* TO loader'
load --table 'd_%Y%m%d' "$DIR/days"
load --table 'd_%Y%m%d' --retain 2d <(days 1)
like "$ERR" 'denied.*GRANT SELECT, INSERT, DELETE, DROP ON `logs`.`d_[0-9]*` TO ' \
	'and for tables that are named after days'

loader 'GRANT SELECT' made
sql 'REVOKE INSERT ON logs.logs FROM loader'
events 3 >"$DIR/b"
load "$DIR/b"
is "$STATUS" 78 'a right is missing: 78'
like "$ERR" 'denied.*GRANT SELECT, INSERT ON `logs`.`logs` TO ' 'it is told'
like "$ERR" 'GRANT SELECT, INSERT, UPDATE ON `logs`.`log_files` TO ' 'in full'
sql 'REVOKE ALL, GRANT OPTION FROM loader'
load "$DIR/b"
is "$STATUS" 78 'none at all: 78'
like "$ERR" 'to database.*GRANT SELECT, INSERT ON `logs`.`logs` TO ' \
	'it is told then, too'
done_testing
