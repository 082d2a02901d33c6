#!/usr/bin/env bash
# Somebody copies a file of his own into ready/ instead of moving it there: the
# half that logload meets is no torn tail, which only a spool's writer leaves;
# the file is kept, and told of.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

mariadb_start
spool_new
mkdir -p "$SPOOL/ready"
{ events 10; printf '{"id":"to'; } >"$SPOOL/ready/half.ndjson"
{ events 10; printf '{"id":"to'; } >"$SPOOL/ready/$(ready 1)"
once
is "$(rows)" 20 'whole lines are loaded'
is "$(ledger torn | xargs)" '9 0' 'a torn tail is one in a file of the spool alone'
is "$(rejected file)" half.ndjson 'in the other one it is rejected'
is "$(rejected raw)" '{"id":"to' 'and nothing is lost'

# The copy goes on while the file is loaded: a lock holds the load up.
load_is_held() { sql 'SELECT info FROM information_schema.processlist' |
	grep -q "^INSERT INTO .logs"; }
start locker mariadb --no-defaults -S "$DB_SOCKET" -u root \
	-e 'LOCK TABLES logs READ; SELECT SLEEP(600)' logs
locked() { sql 'SELECT info FROM information_schema.processlist' |
	grep -q '^SELECT SLEEP'; }
wait_for locked
events 10 >"$SPOOL/ready/slow.ndjson"
logload_start
ok 'it waits for a lock' wait_for load_is_held
events 10 10 >>"$SPOOL/ready/slow.ndjson"
kill_hard locker
ok 'the load goes on' wait_rows 30
ok 'it tells' wait_log logload ' error .* file=slow.ndjson it was written to'
is "$(files ready)" 1 'the file stays'
stop logload
once
is "$STATUS" 74 'and stays'
like "$ERR" 'the ledger has [0-9]+ bytes under that name' 'as often as it is met'
done_testing
