#!/usr/bin/env bash
# Somebody at the keyboard presses Ctrl-C: whatever is being waited for, it ends
# within a second, status 75, and what was not committed is rolled back.
# alone: it measures time
# shellcheck disable=SC2016 # the code in quotes is not for this shell
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

# It has begun: there is a thread beside the first.
works() {
	[ "$(find "/proc/$(pid "$1")/task" -mindepth 1 -maxdepth 1 | wc -l)" \
		-ge 2 ]
}
# ends NAME WHAT: twice the second that is promised, for a busy machine
ends() {
	local began took

	began=$(date +%s%N)
	stop "$1" INT
	took=$((($(date +%s%N) - began) / 1000000))
	num "$took" -lt "$((2000 * WAIT_SCALE))" "$2: it ends at once"
	is "$STATUS" 75 '  status 75'
	# On a busy machine it may not have begun the file.
	like "$(<"$DIR/$1.out")" '(\[\]|"verdict":"stopped").*"reason":"stopped"' \
		'  reported as what it is'
}

db_start
printf '{"event":"a"}\n' >"$DIR/large"
truncate -s 40G "$DIR/large"
start hash logload --report json --db "$DB_URL" "$DIR/large"
wait_for works hash
ends hash 'reading a file for its name'
like "$(log_since hash)" 'stopped in the midst of a file.*file=.*/large' \
	'  it says where'
rm "$DIR/large"

mkfifo "$DIR/fifo"
start fifo logload --report json --db "$DB_URL" "$DIR/fifo"
wait_for works fifo
ends fifo 'a FIFO that nobody writes to'

# The system takes the connection, and nobody ever says a word.
events 10 >"$DIR/a"
[ "$DB" = sqlite ] || {
	start deaf perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1",
		    Listen => 5) or die;
		print STDERR "port=", $s->sockport, "\n";
		sleep 1 while 1'
	wait_log deaf 'port=' || give_up 'no deaf server'
	start connecting logload --report json "$DIR/a" --db \
		"${DB_URL%%:*}://logs@127.0.0.1:$(log_since deaf |
			sed 's/port=//')/logs"
	wait_for works connecting
	ends connecting 'a database that does not answer'
}

load "$DIR/a"
lock_logs
events 20 20 >"$DIR/b"
start locked logload --report json --db "$DB_URL" "$DIR/b"
wait_locked_out
ends locked 'a lock'
like "$(log_since locked)" 'stopped in the midst of a file.*file=.*/b' \
	'  it says where'
unlike "$(log_since locked)" 'database is away' '  and nothing of the database'
kill_group locker
unlock_logs

load "$DIR/b"
is "$STATUS" 0 'the next run loads it'
is "$(rows)" 30 'all of it, once'
done_testing
