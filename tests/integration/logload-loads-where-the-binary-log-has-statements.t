#!/usr/bin/env bash
# With binlog_format=STATEMENT a server refuses to write under READ COMMITTED
# (error 1665).
# Of those who have such a log.
# databases: mariadb mysql
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start --log-bin="$DIR/binlog" --binlog-format=STATEMENT --server-id=1
{ events 1000; echo bad; } >"$DIR/a"
load "$DIR/a"
is "$STATUS" 65 'by LOAD DATA'
sql 'SET GLOBAL local_infile=0'
load --force "$DIR/a"
is "$STATUS" 65 'by INSERT'
is "$(rows)" 2000 'all are rows'
sql_is 'SELECT @@binlog_format' STATEMENT 'in such a log'
done_testing
