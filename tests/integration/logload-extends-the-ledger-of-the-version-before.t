#!/usr/bin/env bash
# A ledger whose ids the database counted, without the columns that came later,
# is extended at connect, and its lines keep their ids: what is half loaded goes
# on, what is loaded is loaded no more. Where that is not allowed, the statement
# is told.
# The version before had no others.
# databases: mariadb mysql
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL"/{buffer,ready,loaded,rejected,metrics}
logload --print-schema | tests_mysql --database=logs
sql "DROP TABLE log_files;
	CREATE TABLE log_files (
	  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	  name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL UNIQUE,
	  bytes BIGINT UNSIGNED NOT NULL,
	  events BIGINT UNSIGNED NOT NULL,
	  rejected BIGINT UNSIGNED NOT NULL,
	  torn BIGINT UNSIGNED NOT NULL,
	  progress BIGINT UNSIGNED NOT NULL,
	  \`lines\` BIGINT UNSIGNED NOT NULL,
	  started_at DATETIME(6) NOT NULL,
	  loaded_at DATETIME(6) NULL
	) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
known() { # ID EVENTS BYTES PROGRESS LOADED_AT: ready ID, which has rows
	sql "INSERT INTO log_files SELECT $1, '$(ready "$1")', $3, $2,
		0, 0, $4, $2, NOW(), $5;
		INSERT INTO logs (received_at, file_id, line, payload)
		WITH RECURSIVE n AS (SELECT 1 i UNION ALL SELECT i + 1 FROM n
			WHERE i < $2) SELECT NOW(6), $1, i, '{}' FROM n"
}
for i in 1 2 3 4; do events 20 $((i * 20)) >"$SPOOL/ready/$(ready $i)"; done
size() { wc -c <"$SPOOL/ready/$(ready "$1")"; }
front=$(head -n 5 "$SPOOL/ready/$(ready 2)" | wc -c)
known 1 20 "$(size 1)" "$(size 1)" 'NOW()'
known 2 5 "$(size 2)" "$front" NULL
known 3 20 "$(size 3)" "$(size 3)" 'NOW()'
sql 'UPDATE log_files SET rejected=1 WHERE id=3'
mv "$SPOOL/ready/$(ready 3)" "$SPOOL/loaded"
printf '{"file":"%s","line":21,"offset":0,"code":0,"text":"","rejected_at":"","event":{}}\n' \
	"$(ready 3)" >"$SPOOL/rejected/$(ready 3)"

run logload --spool "$SPOOL" --check --db "$DB_URL"
is "$STATUS" 0 'checking asks it as it is'
like "$OUT" "ready/$(ready 2): begun: bytes=$front of $(size 2)" 'and says so'

sql "REVOKE ALTER ON logs.* FROM logs@'%'"
once
is "$STATUS" 78 'without the right to extend it: status 78'
# shellcheck disable=SC2016 # a database's quotes
like "$ERR" 'run, as one who may: (ALTER TABLE `log_files` ADD COLUMN .* NULL) \(' \
	'with the statement'
is "$(rows)/$(files ready)" 45/3 'nothing is loaded'
alter=${BASH_REMATCH[1]}
sql "$alter"
run logload --db "$DB_URL" --dry-run "$SPOOL/loaded/$(ready 3)"
is "$STATUS/$(summary skipped)" 0/1 'that is all that it takes'
sql "GRANT ALTER ON logs.* TO logs@'%';
	ALTER TABLE log_files DROP COLUMN \`table\`, DROP COLUMN sha256"

# Several at one moment, over as many connections.
start one logload --db "$DB_URL" --spool "$SPOOL" --once --jobs 4 --keep
start two logload --db "$DB_URL" --spool "$SPOOL" --once --jobs 4 --keep
wait_exit one
is "$STATUS" 0 'a loader extends it'
wait_exit two
is "$STATUS" 0 'and another one at the same moment'
is "$(cat "$DIR/one.log" "$DIR/two.log" | grep -c 'extended the table log_files')" \
	1 'once'
is "$(grep -h ' warn ' "$DIR/one.log" "$DIR/two.log")" '' 'without a warning'
is "$(files ready)" 0 'all is loaded'
sql_is 'SELECT COUNT(*), COUNT(DISTINCT file_id, line) FROM logs' '80	80' \
	'each event once'
sql_is "SELECT GROUP_CONCAT(DISTINCT line ORDER BY line) FROM logs WHERE file_id=2" \
	"$(seq -s , 20)" 'what was half loaded goes on under its id'
sql_is "SELECT GROUP_CONCAT(id ORDER BY id) FROM log_files WHERE id < 1000" 1,2,3 \
	'the lines keep their ids'
# printf: the shell has 64 bits, with a sign.
want=$((16#$(printf '%s' "$(ready 4)" | sha256sum | cut -c 1-16) >> 1 &
	0x7fffffffffffffff))
sql_is "SELECT f.id, f.\`table\`, COUNT(*) FROM log_files f
	JOIN logs ON file_id = f.id WHERE name = '$(ready 4)'" \
	"$want	logs	20" 'the id of a new one is made from its name'
run logload --db "$DB_URL" --spool "$SPOOL" --retry-rejected
is "$STATUS/$(summary events)" 0/1 'what was rejected can be loaded'

# A loader of the version before, which is still at work, can go on.
sql "INSERT INTO log_files (name, bytes, events, rejected, torn, progress,
	\`lines\`, started_at) VALUES ('other', 0, 0, 0, 0, 0, 0, NOW())"
sql_is "SELECT COUNT(*) FROM log_files WHERE name='other'" 1 'ids are still counted'
done_testing
