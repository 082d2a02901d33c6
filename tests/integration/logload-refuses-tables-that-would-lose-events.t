#!/usr/bin/env bash
# A table may come back from a restore without its keys, with another collation
# or engine, or be a view by now: what events would be lost or doubled by is
# looked for at connect, told in a line, and nothing is loaded until it is put
# right. What does no harm is taken. What only PostgreSQL or SQLite has is in
# logload-knows-what-bites-in-postgresql.t and …-waits-for-other-writers-of-sqlite.t
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
events 1 >"$DIR/a.ndjson"

# with SED [STATEMENTS]: over new tables that were changed so, a file is loaded
with() {
	sql 'DROP TABLE IF EXISTS logs; DROP TABLE IF EXISTS log_files'
	change_tables "$1"
	[ -z "${2-}" ] || "${DB}_as_owner" "$2"
	load --wait 0s "$DIR/a.ndjson"
}
refused() { # ERE SED [STATEMENTS]
	with "${@:2}"
	is "$STATUS" 78 "refused: ${*:2}"
	like "$ERR" " error .*the table $1" 'it says why'
	is "$(grep -c ' error ' <<<"$ERR")" 1 'in a line'
	is "$(rows)" 0 'nothing is loaded'
}
taken() {
	with '' "$1"
	is "$STATUS/$(rows)" 0/1 "taken: $1"
}

loose='s/ STRICT, WITHOUT ROWID//' # of SQLite, which has stricter tables
refused 'log_files has no unique key of the column name' 's/ UNIQUE//'
refused 'log_files has no unique key of the column id' \
	"/^  .id/s/ PRIMARY KEY//; $loose"
refused 'log_files has the column progress as ' \
	's/^\(  .progress.\) .*/\1 REAL NOT NULL,/'
refused 'logs has the column line as ' 's/^\(  .line.\) .*/\1 REAL NOT NULL,/'
refused 'log_files: .*torn' '/^  .torn/d'
refused 'logs: .*level' '/^  .level/d'
refused 'logs is (a view|no table)' '' 'ALTER TABLE logs RENAME TO behind;
	CREATE VIEW logs AS SELECT * FROM behind'
sql 'DROP VIEW logs; DROP TABLE behind'

# A name in the ledger is the name, whatever the database takes for equal.
with ''
spool_new
mkdir -p "$SPOOL/ready"
events 1 >"$SPOOL/ready/$(ready 1)"
once
sql "UPDATE log_files SET name = 'another' WHERE name = '$(ready 1)'"
events 1 >"$SPOOL/ready/$(ready 1)"
once
is "$STATUS" 78 'an id under another name: status 78'
like "$ERR" "the ledger has a line of the file \"another\" where that of \"$(ready 1)\"" \
	'it says so'
is "$(rows)/$(files ready)" 2/1 'nothing is loaded'

# The rest is in the words of MySQL, and of MariaDB.
[ "${DB#m}" != "$DB" ] || { done_testing; exit; }

refused_here() { # STATEMENTS ERE
	refused "$2" '' "$1"
}
refused_here 'ALTER TABLE log_files DROP INDEX name, ADD UNIQUE (name(50))' \
	'log_files has no unique key of the column name, whole'
refused_here 'ALTER TABLE log_files DROP INDEX name, ADD UNIQUE (name, bytes)' \
	'log_files has no unique key of the column name, whole'
refused_here 'ALTER TABLE log_files DROP PRIMARY KEY, DROP INDEX name' \
	'log_files has no unique key of the column name, whole'
collations=(utf8mb4_general_ci)
[ "$DB" != mariadb ] || collations+=(utf8mb4_unicode_nopad_ci)
for collation in "${collations[@]}"; do
	refused_here "ALTER TABLE log_files MODIFY name
		VARCHAR(255) CHARACTER SET utf8mb4 COLLATE $collation NOT NULL" \
		"log_files has the column name as varchar\(255\) COLLATE $collation; it has to be .* utf8mb4_bin"
done
refused_here 'ALTER TABLE log_files MODIFY name
	VARCHAR(100) COLLATE utf8mb4_bin NOT NULL' \
	'log_files has the column name as varchar\(100\)'
refused_here 'ALTER TABLE log_files MODIFY id INT UNSIGNED NOT NULL' \
	'log_files has the column id as int.*; it has to be BIGINT UNSIGNED'
[ "$DB" != mariadb ] || refused_here 'ALTER TABLE log_files ENGINE=Aria' \
	'log_files has the engine Aria, which has no transactions'

refused_here 'ALTER TABLE logs ENGINE=MyISAM' \
	'logs has the engine MyISAM, which has no transactions'
refused_here 'ALTER TABLE logs MODIFY received_at DATETIME(3) NOT NULL' \
	'logs has the column received_at as datetime\(3\); it has to be DATETIME\(6\)'
refused_here 'ALTER TABLE logs MODIFY file_id INT UNSIGNED NOT NULL' \
	'logs has the column file_id as int'
refused_here 'ALTER TABLE logs MODIFY line INT UNSIGNED NOT NULL' \
	'logs has the column line as int'

taken 'ALTER TABLE logs MODIFY received_at TIMESTAMP(6) NOT NULL DEFAULT NOW(6),
	MODIFY file_id BIGINT NOT NULL, MODIFY line DECIMAL(20) NOT NULL,
	ADD COLUMN name VARCHAR(9) NULL, ADD COLUMN id INT NULL'
taken 'ALTER TABLE log_files MODIFY name VARBINARY(255) NOT NULL,
	MODIFY id BIGINT NOT NULL'
taken 'ALTER TABLE log_files MODIFY name
	VARCHAR(300) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin NOT NULL'
[ "$DB" != mariadb ] || taken 'ALTER TABLE log_files ADD SYSTEM VERSIONING'
done_testing
