#!/usr/bin/env bash
# What a writer that died has left of a last line was never acknowledged: it is
# skipped, counted and told of, and never stops a file. A last line that is
# whole but for its line break is loaded. By hand, such a line may be in the
# making, and waits.
# databases: mariadb mysql postgresql sqlite odbc
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready"
{ events 10; printf '{"id":"to'; } >"$SPOOL/ready/$(ready 1)"
{ events 10; printf '{"id":"whole"}'; } >"$SPOOL/ready/$(ready 2)"
{ events 10; printf '\0\0\0\0'; } >"$SPOOL/ready/$(ready 3)"
printf '{"only":' >"$SPOOL/ready/$(ready 4)"
: >"$SPOOL/ready/$(ready 5)"
cp "$SPOOL/ready/$(ready 1)" "$DIR/hand.ndjson"
once
is "$STATUS" 0 'status 0'
is "$(rows)" 31 'every whole line is a row'
ok 'all files are gone' no_files ready
is "$(files rejected)" 0 'nothing is rejected'
is "$(ledger torn | xargs)" '9 0 4 8 0' 'the ledger has the torn bytes'
is "$(metric logload logload_torn_bytes_total)" 21 'so has the metric'
like "$ERR" 'skipped a torn tail.* bytes=9 file=' 'the log tells'
load "$DIR/hand.ndjson"
is "$STATUS/$(summary events)/$(rejected raw)" 0/10/ \
	'by hand: nor is it rejected'
like "$ERR" 'the last line is not whole, and waits .*hand.ndjson bytes=9' \
	'it waits'
done_testing
