#!/usr/bin/env bash
# The server neither answers nor goes away, as when its machine hangs: a signal
# ends logload within some seconds all the same, and nothing is lost or twice.
# SQLite has no server; who holds its lock is waited for elsewhere.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
# databases: mariadb mysql postgresql odbc
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready"
put() {
	events 10 >"$SPOOL/ready/.$1"
	mv "$SPOOL/ready/.$1" "$SPOOL/ready/$1"
}
# ends NAME: told to, it ends within 15 s
ends() {
	ok "$1: it ends" wait_exit "$1" 15 || kill_hard "$1"
}

# By hand, amid a statement that waits for a lock.
logload_start
put "$(ready 1)"
wait_rows 10
lock_logs
events 10 >"$DIR/a"
start hand logload --db "$DB_URL" "$DIR/a"
wait_locked_out
kill -TERM "$(pid hand)"

# Meanwhile another one connects: the system takes the connection, and nobody
# ever says a word.
start deaf perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 5) or die;
	print STDERR "port=", $s->sockport, "\n";
	sleep 1 while 1'
wait_log deaf 'port=' || give_up 'no deaf server'
mkdir -p "$DIR/other/ready"
events 10 >"$DIR/other/ready/$(ready 3)"
start connecting logload --spool "$DIR/other" \
	--db "${DB_URL%%:*}://logs@127.0.0.1:$(log_since deaf | sed 's/port=//')/logs"
wait_log connecting ' ready '
kill -TERM "$(pid connecting)"
ends hand
is "$STATUS" 75 'by hand: status 75'

# Amid a statement of an open session: it waits for the lock, too.
put "$(ready 2)"
ok 'it works on a file' wait_for works_on_a_file
db_freeze STOP
kill -TERM "$(pid logload)"
ends logload
is "$STATUS" 0 'following: status 0'
is "$(files ready)" 1 'the file stays'
ends connecting

db_freeze CONT
unlock_logs
once
is "$(rows)" 20 'all is loaded, once'
done_testing
