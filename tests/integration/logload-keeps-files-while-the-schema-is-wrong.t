#!/usr/bin/env bash
# What only a human can put right - a missing column, right, database - is said
# as an error; every file is kept, nothing is rejected, logload lives, and
# after a restart (or 30 to 60 s) it goes on. No right to make tables is needed
# where they are.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

# Else what was loaded comes back when its table is made anew.
export LOGLOAD_SETTLE=0

db_start
spool_new
mkdir -p "$SPOOL/ready"

# keeps NAME ERE [OPTION]...: logload meets that error, and keeps the file
keeps() {
	local name=$1 why=$2

	shift 2
	logload_start "$@"
	ok "$name: an error, $why" wait_log logload \
		" error logload: the database refuses, .*$why"
	is "$(files ready)" 1 "$name: the file stays"
	is "$(files rejected)" 0 "$name: nothing is rejected"
	ok "$name: it lives" alive logload
	stop logload
	is "$STATUS" 0 "$name: it stops with status 0"
	is "$(metric logload 'logload_retries_total{class="schema"}')" 1 \
		"$name: counted"
	is "$(metric logload logload_database_up) $(metric logload \
		logload_database_refuses)" '0 1' "$name: not up, but refusing"
	once "$@"
	is "$STATUS" 78 "$name: --once ends with status 78"
	like "$ERR" " error logload: the database refuses, .*$why" \
		"$name: --once says why"
}

events 10 >"$SPOOL/ready/$(ready 1)"
once
events 10 >"$SPOOL/ready/$(ready 2)"

sql 'ALTER TABLE logs DROP COLUMN user_id'
keeps 'no such column' 'user_id'
sql 'DROP TABLE logs'
sql 'DROP TABLE log_files'
change_tables 's/^  .level/  must INT NOT NULL,&/'
keeps 'a column without default' 'the column must, which is NOT NULL'
sql 'ALTER TABLE logs DROP COLUMN must'
if rights SELECT; then
	keeps 'no right to insert' denied
	rights 'SELECT, INSERT, UPDATE'
fi
once
is "$STATUS" 0 'put right: status 0, without the right to make tables'
is "$(rows)" 10 'loaded'

# What looks like a fault of the events, but of all of them.
events 300 >"$SPOOL/ready/$(ready 3)"
sql 'DELETE FROM logs'
constrain 'LENGTH(event) <= 2'
logload_start
ok 'a constraint too narrow for anything: the file is put aside' wait_log logload \
	"the file stays in ready/: .* all of its events are refused: .*$DB_PICKY"
is "$(files ready)/$(files rejected)" 1/0 'the file stays, nothing is rejected'
stop logload
is "$STATUS" 0 'it stops with status 0'
is "$(metric logload logload_ready_refused_files)" 1 'and has told of the file'
once
is "$STATUS" 78 '--once ends with status 78'
like "$ERR" "all of its events are refused: .*$DB_PICKY" '--once says so'
load "$SPOOL/ready/$(ready 3)"
is "$STATUS" 78 'by hand: status 78'
is "$(rejected text)" '' 'nothing is set aside'
{ events 299; echo '{"event":"x"}'; } >"$DIR/mixed.ndjson"
load "$DIR/mixed.ndjson"
is "$(summary events)/$(summary rejected)" 1/299 'but if one is stored, they are'
unconstrain
sql 'DELETE FROM logs'
once
is "$(rows)" 300 'put right: loaded'

events 10 >"$SPOOL/ready/$(ready 4)"
sql 'DROP TABLE logs'
if rights SELECT; then
	keeps 'no table, and no right to make it' denied
	rights
	password other
	keeps 'a wrong password' 'denied|failed'
	password secret
fi
once
is "$(rows)" 10 'put right: the table is made, and the file loaded'
done_testing
