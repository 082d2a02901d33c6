#!/usr/bin/env bash
# Directories, links, pipes, other names in ready/ (also those that are not
# ASCII) are told of, counted and left alone; a file that cannot be read is kept;
# none of them keeps the others from being loaded. Hidden names are drafts.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready/$(ready 0)"
events 3 >"$DIR/elsewhere"
ln -s "$DIR/elsewhere" "$SPOOL/ready/$(ready 1)"
mkfifo "$SPOOL/ready/$(ready 2)"
events 3 >"$SPOOL/ready/readme.txt"
events 3 >"$SPOOL/ready/$(printf '1\377.ndjson')"
events 3 >"$SPOOL/ready/.$(ready 3).tmp"
events 3 >"$SPOOL/ready/any-name.ndjson"
# What rejects something that cannot be written down is not lost.
{ events 3; echo bad; } >"$SPOOL/ready/$(ready 4)"
mkdir -p "$SPOOL/rejected/$(ready 4)/x"
events 3 >"$SPOOL/ready/$(ready 5)"
logload_start
ok 'the files of events are loaded' wait_rows 6
ok 'it tells of the others' wait_log logload 'left alone in ready/: entries=5 '
ok 'and of the one that it cannot finish' wait_log logload \
	"the file stays in ready/: file=$(ready 4) "
ok 'which is still there' test -f "$SPOOL/ready/$(ready 4)"
is "$(rows)" 6 'and not loaded'
for name in "$(ready 0)" "$(ready 1)" "$(ready 2)" readme.txt ".$(ready 3).tmp"; do
	ok "$name is still there" test -e "$SPOOL/ready/$name"
done
like "$(ledger name | xargs)" "^$(ready 5) .*\+any-name.ndjson\$" 'oldest first'
ok 'it stops' stop logload
is "$STATUS" 0 'with status 0'
is "$(metric logload logload_ready_aliens)" 5 'the metric counts them'
rm -r "$SPOOL/rejected/$(ready 4)"
once
is "$(rows)" 9 'put right, it is loaded'
is "$(rejected raw)" bad 'and what was bad set aside'
done_testing
