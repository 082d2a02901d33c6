#!/usr/bin/env bash
# A table may come back from a restore without its keys, with another collation
# or engine, or be a view by now: what events would be lost or doubled by is
# looked for at connect, told in a line, and nothing is loaded until it is put
# right. What does no harm is taken.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

mariadb_start
events 1 >"$DIR/a.ndjson"
schema=$(logload --print-schema)

# with STATEMENTS: over new tables that were changed so, a file is loaded
with() {
	sql "DROP VIEW IF EXISTS logs, log_files;
		DROP TABLE IF EXISTS logs, log_files, behind; $schema $1"
	load --wait 0s "$DIR/a.ndjson"
}
refused() { # STATEMENTS ERE
	with "$1"
	is "$STATUS" 78 "refused: $1"
	like "$ERR" " error .*the table $2" 'it says why'
	is "$(grep -c ' error ' <<<"$ERR")" 1 'in a line'
	is "$(rows)" 0 'nothing is loaded'
}
taken() {
	with "$1"
	is "$STATUS/$(rows)" 0/1 "taken: $1"
}

refused 'ALTER TABLE log_files DROP INDEX name' \
	'log_files has no unique key of the column name, whole'
refused 'ALTER TABLE log_files DROP INDEX name, ADD UNIQUE (name(50))' \
	'log_files has no unique key of the column name, whole'
refused 'ALTER TABLE log_files DROP INDEX name, ADD UNIQUE (name, bytes)' \
	'log_files has no unique key of the column name, whole'
refused 'ALTER TABLE log_files DROP PRIMARY KEY' \
	'log_files has no unique key of the column id, whole'
refused 'ALTER TABLE log_files DROP PRIMARY KEY, DROP INDEX name' \
	'log_files has no unique key of the column name, whole'
for collation in utf8mb4_general_ci utf8mb4_unicode_nopad_ci; do
	refused "ALTER TABLE log_files MODIFY name
		VARCHAR(255) CHARACTER SET utf8mb4 COLLATE $collation NOT NULL" \
		"log_files has the column name as varchar\(255\) COLLATE $collation; it has to be .* utf8mb4_bin"
done
refused 'ALTER TABLE log_files MODIFY name
	VARCHAR(100) COLLATE utf8mb4_bin NOT NULL' \
	'log_files has the column name as varchar\(100\)'
refused 'ALTER TABLE log_files MODIFY id INT UNSIGNED NOT NULL' \
	'log_files has the column id as int.*; it has to be BIGINT UNSIGNED'
refused 'ALTER TABLE log_files MODIFY progress DOUBLE NOT NULL' \
	'log_files has the column progress as double'
refused 'ALTER TABLE log_files DROP COLUMN torn' \
	"log_files: SELECT: Unknown column 'torn'"
refused 'ALTER TABLE log_files ENGINE=Aria' \
	'log_files has the engine Aria, which has no transactions'
refused 'RENAME TABLE log_files TO behind;
	CREATE VIEW log_files AS SELECT * FROM behind' 'log_files is a view'

refused 'ALTER TABLE logs ENGINE=MyISAM' \
	'logs has the engine MyISAM, which has no transactions'
refused 'RENAME TABLE logs TO behind; ALTER TABLE behind ENGINE=MyISAM;
	CREATE VIEW logs AS SELECT * FROM behind' 'logs is a view'
refused 'ALTER TABLE logs MODIFY received_at DATETIME(3) NOT NULL' \
	'logs has the column received_at as datetime\(3\); it has to be DATETIME\(6\)'
refused 'ALTER TABLE logs MODIFY file_id INT UNSIGNED NOT NULL' \
	'logs has the column file_id as int'
refused 'ALTER TABLE logs MODIFY line INT UNSIGNED NOT NULL' \
	'logs has the column line as int'
refused 'ALTER TABLE logs DROP COLUMN level' \
	"logs: SELECT: Unknown column 'level'"

taken 'ALTER TABLE logs MODIFY received_at TIMESTAMP(6) NOT NULL DEFAULT NOW(6),
	MODIFY file_id BIGINT NOT NULL, MODIFY line DECIMAL(20) NOT NULL,
	ADD COLUMN name VARCHAR(9) NULL, ADD COLUMN id INT NULL'
taken 'ALTER TABLE log_files MODIFY name VARBINARY(255) NOT NULL,
	MODIFY id BIGINT NOT NULL'
taken 'ALTER TABLE log_files MODIFY name
	VARCHAR(300) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin NOT NULL'
taken 'ALTER TABLE log_files ADD SYSTEM VERSIONING'

# A name in the ledger is the name, whatever the server takes for equal.
with 'ALTER TABLE log_files MODIFY name
	VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL'
spool_new
mkdir -p "$SPOOL/ready"
id=$((16#$(printf '%s' "$(ready 1)" | sha256sum | cut -c 1-16) >> 1 &
	0x7fffffffffffffff))
sql "INSERT INTO log_files SELECT $id, 'another', 0, 0, 0, 0, 0, 0,
	NOW(), NOW(), NULL, NULL"
events 1 >"$SPOOL/ready/$(ready 1)"
once
is "$STATUS" 78 'an id under another name: status 78'
like "$ERR" "the ledger has a line of the file \"another\" where that of \"$(ready 1)\"" \
	'it says so'
is "$(rows)/$(files ready)" 1/1 'nothing is loaded'
done_testing
