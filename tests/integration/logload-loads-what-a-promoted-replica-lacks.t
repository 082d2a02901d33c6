#!/usr/bin/env bash
# An asynchronous replica that lags lacks the last files when it is promoted,
# and knows nothing of them. What is in loaded/ tells: each event becomes a row
# there, once.
# PostgreSQL's: logload-loads-all-when-postgresql-fails-over.t. SQLite has none.
# databases: mariadb mysql
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

spool_new
mkdir -p "$SPOOL/ready"
put() {
	events 100 "$(($1 * 100))" >"$SPOOL/ready/.put"
	mv "$SPOOL/ready/.put" "$SPOOL/ready/$(ready "$1")"
}
replica() {
	mariadb --no-defaults --socket="$DIR/replica.sock" --user=root --batch \
		--skip-column-names --database=logs --execute="$1"
}
replica_has() {
	[ "$(replica 'SELECT COUNT(*) FROM logs' 2>/dev/null)" = "$1" ]
}

db_start --server-id=1 --log-bin
sql "CREATE USER copy@'%' IDENTIFIED BY 'secret'"
sql "GRANT REPLICATION SLAVE ON *.* TO copy@'%'"
cp -a --reflink=auto "$BUILD/tests/$DB/data" "$DIR/replica"
case $DB in
mysql)
	rm "$DIR/replica/auto.cnf" # who it is
	mapfile -t server < <(tests_mysqld_words)
	follow="CHANGE REPLICATION SOURCE TO SOURCE_HOST='$DB_HOST',
		SOURCE_PORT=$DB_PORT, SOURCE_USER='copy', SOURCE_PASSWORD='secret',
		GET_SOURCE_PUBLIC_KEY=1, SOURCE_LOG_POS=4, SOURCE_LOG_FILE="
	word=REPLICA
	;;
*)
	server=(mariadbd --no-defaults --innodb-log-file-size=16M
		--innodb-buffer-pool-size=64M)
	[ "$(id -u)" -ne 0 ] || server+=(--user=root)
	follow="CHANGE MASTER TO MASTER_HOST='$DB_HOST', MASTER_PORT=$DB_PORT,
		MASTER_USER='copy', MASTER_PASSWORD='secret',
		MASTER_SSL_VERIFY_SERVER_CERT=0, MASTER_LOG_POS=4, MASTER_LOG_FILE="
	word=SLAVE
	;;
esac
start replica "${server[@]}" --datadir="$DIR/replica" \
	--socket="$DIR/replica.sock" --pid-file="$DIR/replica.pid" \
	--skip-networking --server-id=2 --log-bin
replica_answers() { replica 'SELECT 1' >/dev/null 2>&1; }
wait_for -t 60 replica_answers || give_up 'the replica does not start'
replica "$follow'$(sql 'SHOW BINARY LOGS' | awk 'END { print $1 }')';
	START $word" 2>"$DIR/change.log"

logload_start --jobs 2
put 1
put 2
ok 'the primary has two files' wait_rows 200
ok 'the replica, too' wait_for replica_has 200
replica "STOP $word SQL_THREAD" # it lags
for n in {11..40}; do
	put "$n"
done
ok 'the primary has more' wait_rows 3200
ok 'all are loaded' wait_for no_files ready
is "$(replica 'SELECT COUNT(*) FROM logs')" 200 'the replica has not'
db_kill
put 50 # while nobody is there
stop replica
rm -r "$DIR/mysql"
mv "$DIR/replica" "$DIR/mysql"
db_start --server-id=2 --log-bin "--skip-${word,,}-start"
ok 'and gets what it lacks' wait_rows 3300
ok 'nothing is left over' wait_for no_files ready
sql_is 'SELECT COUNT(*), COUNT(DISTINCT payload) FROM logs' '3300	3300' \
	'each event is there once'
stop logload
is "$(metric logload logload_files_asked_back_total)" 30 'counted'
done_testing
