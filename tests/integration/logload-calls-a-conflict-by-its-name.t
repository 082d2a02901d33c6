#!/usr/bin/env bash
# What another transaction is in the way of is no outage: it is called a
# conflict, counted as one, and soon tried again. What is too large for one
# transaction goes in smaller ones.
# Of servers that end a wait for a lock; the limit is that of MySQL's binary log.
# databases: mariadb mysql postgresql
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

case $DB in
postgresql) db_start -c lock_timeout=1s ;;
*) db_start --innodb-lock-wait-timeout=1 --server-id=1 \
	--log-bin="$DIR/binlog" --binlog-format=ROW \
	--binlog-cache-size=32K --max-binlog-cache-size=2M ;;
esac
spool_new
mkdir -p "$SPOOL/ready"
put() {
	mv "$DIR/$1" "$SPOOL/ready/$2"
}
logload_start
events 10 >"$DIR/a"
put a "$(ready 1)"
ok 'a file' wait_rows 10
holds() { statements | grep -q '^SELECT SLEEP'; }
case $DB in
postgresql) lock_logs ;;
*)
	# Another one holds the place of each name in the ledger.
	start locker mariadb --no-defaults -S "$DB_SOCKET" -u root -e \
		'BEGIN; SELECT * FROM log_files FOR UPDATE; SELECT SLEEP(600)' logs
	wait_for holds || give_up 'no lock'
	;;
esac
events 10 10 >"$DIR/a"
put a "$(ready 2)"
ok 'it is told' wait_log logload \
	'warn .* in conflict with another transaction.*([Ll]ock wait|lock) timeout'
unlike "$(log_since logload)" 'away' 'the database is not away'
counted() { [ "$(metric logload 'logload_retries_total{class="conflict"}')" -ge 1 ]; }
ok 'it is counted' wait_for counted
is "$(metric logload 'logload_retries_total{class="passing"}')" 0 'as a conflict alone'
is "$(metric logload logload_database_up)" 1 'the database is up'
unlock_logs
ok 'then it is loaded' wait_rows 20
is "$(log_since logload | grep -c 'in conflict')" 1 'it was told once'
if [ "$DB" = postgresql ]; then
	stop logload
	is "$(rows)" 20 'each event is a row'
	done_testing
	exit
fi

# Each event is some hundred bytes of the binary log.
events 50000 20 | sed 's/"n"/"padding to make it long enough, a hundred bytes or so in each of the rows":1,"n"/' >"$DIR/a"
put a "$(ready 3)"
ok 'a file over the limit of a transaction' wait_rows 50020
like "$(log_since logload)" 'warn .* too large a transaction .*max_binlog_cache_size' 'that is told'
ok 'it is done' wait_for no_files ready
stop logload
unlike "$(log_since logload)" ' error ' 'without an error'
is "$(rows)/$(ledger 'SUM(events)')" 50020/50020 'each event is a row'
like "$(ledger progress)" '[0-9]+' 'and the ledger has it'

# Nothing is small enough.
sql 'SET GLOBAL max_binlog_cache_size=32768'
events 10000 50020 >"$DIR/a"
put a "$(ready 4)"
once
is "$STATUS/$(files ready)" 78/1 'one that takes nothing: status 78, and the file stays'
like "$ERR" 'in one transaction are too many' 'it is told why'
done_testing
