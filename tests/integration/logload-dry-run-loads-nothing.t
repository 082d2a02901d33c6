#!/usr/bin/env bash
# --dry-run checks every line and says what would be rejected, without a
# database; with one, it says what would be skipped, and changes nothing.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

{ events 5; echo '{"a":}'; events 5; echo 'null'; } >"$DIR/a.ndjson"
run env HOME=/nonexistent logload --dry-run "$DIR/a.ndjson"
is "$STATUS" 65 'without a database: status 65'
like "$OUT" "$DIR/a.ndjson:6: offset=[0-9]+ not JSON: .* at byte 5" 'line 6'
like "$OUT" "$DIR/a.ndjson:12: offset=[0-9]+ not a JSON object" 'line 12'
like "$OUT" '(^|.)would load: files=1 loaded=1 skipped=0 events=10 rejected=2 ' 'a summary'

db_start
events 10 >"$DIR/b.ndjson"
load --dry-run "$DIR/b.ndjson"
is "$STATUS" 0 'with a database: status 0'
is "$(rows)" 0 'nothing is loaded'
not_ok 'and no table made' sql 'SELECT COUNT(*) FROM log_files'
spool_new
load --dry-run --spool "$SPOOL" "$DIR/b.ndjson"
is "$STATUS" 74 'a spool that is not there: status 74'
not_ok 'and none is made' test -e "$SPOOL"
mkdir -p "$SPOOL/ready"
cp "$DIR/b.ndjson" "$SPOOL/ready"
run logload --db "$DB_URL" --dry-run --spool "$SPOOL" "$SPOOL/ready/b.ndjson"
is "$STATUS" 0 'a file in a spool: status 0'
like "$ERR" ' name=b.ndjson@sha256:[0-9a-f]*$' 'which gets no name of its own'
is "$(ls "$SPOOL")" ready 'the spool is as it was'
load "$DIR/b.ndjson"
load --dry-run "$DIR/b.ndjson" "$DIR/a.ndjson"
is "$(summary skipped)" 1 'a file that was loaded would be skipped'
is "$(summary events)" 10 'the other one would be loaded'
is "$(ledger name | wc -l)" 1 'the ledger is as it was'
is "$(find "$DIR/rejected" -type f | wc -l)" 0 'nothing is set aside'

# What the ledger has of an array ends behind it.
printf '[{"event":"a"},\n{"event":"b"}]\n' >"$DIR/array.json"
load "$DIR/array.json"
load --dry-run "$DIR/array.json"
is "$STATUS $(summary skipped)" '0 1' 'an array that was loaded would be skipped'
done_testing
