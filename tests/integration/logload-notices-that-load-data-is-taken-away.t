#!/usr/bin/env bash
# local_infile is switched off while logload is connected: it goes on by INSERT
# at once, on the same connection.
# Of those who have LOAD DATA.
# databases: mariadb mysql
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

# Such a log takes no arrays of rows, so that LOAD DATA is the first choice.
db_start --log-bin="$DIR/binlog" --binlog-format=STATEMENT --server-id=1 \
	--sync-binlog=1
spool_new
logload_start --read-timeout 10s
ok 'it is ready' wait_log logload ' ready '
put() {
	events 1000 >"$SPOOL/ready/.$1"
	mv "$SPOOL/ready/.$1" "$SPOOL/ready/$1"
}
put "$(ready 1)"
ok 'a file' wait_rows 1000
like "$(sql "SHOW GLOBAL STATUS LIKE 'Com_load'")" '1$' 'by LOAD DATA'
sql 'SET GLOBAL local_infile=0'
put "$(ready 2)"
ok 'a file by INSERT' wait_rows 2000 15
stop logload
unlike "$(log_since logload)" ' (error|warn) ' 'without a word of trouble'
done_testing
