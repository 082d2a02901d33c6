#!/usr/bin/env bash
# logbatch renames a file into ready/ and holds its lock until the directories
# are synced. logload may hear of the file before that: it must come back to
# it soon, although no further event tells of it.
. "$(dirname "$0")/../lib.sh"

spool_new
mariadb_start
logload_start
ok 'logload is ready' wait_log logload ' ready '

held=20260101T000000.000000Z-h-1-1.ndjson
other=20260101T000001.000000Z-h-1-2.ndjson
echo '{"n":1}' >"$SPOOL/buffer/$held"
echo '{"n":2}' >"$SPOOL/buffer/$other"
exec 8<"$SPOOL/buffer/$held"
flock 8
mv "$SPOOL/buffer/$held" "$SPOOL/ready/$held"
mv "$SPOOL/buffer/$other" "$SPOOL/ready/$other"

# The younger one is loaded: so the one before it was tried.
ok 'the other file is loaded' wait_rows 1
ok 'the held one is left alone' test -f "$SPOOL/ready/$held"
started=$(now_ms)
exec 8<&-
ok 'once let go, it is loaded' wait_rows 2
num $(($(now_ms) - started)) -lt $((5000 * WAIT_SCALE)) 'within 5 s'
ok 'and logload stops' stop logload
done_testing
