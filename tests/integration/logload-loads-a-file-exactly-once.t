#!/usr/bin/env bash
# By hand, a file is known by its name and content: the same is skipped, a
# changed one is loaded, --force loads once more. A file that a spool has named
# keeps its name wherever it lies. The user's file stays as it is.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

mariadb_start
events 100 >"$DIR/a.ndjson"
before=$(cksum <"$DIR/a.ndjson")

load "$DIR/a.ndjson"
is "$STATUS" 0 'the first time: status 0'
is "$(summary events)" 100 'the summary tells of 100 events'
is "$(rows)" 100 '100 rows'
load "$DIR/a.ndjson"
is "$STATUS" 0 'the second time: status 0'
is "$(summary skipped)" 1 'skipped'
like "$ERR" 'skipped, it was loaded before' 'and said so'
is "$(rows)" 100 'still 100 rows'
mkdir "$DIR/elsewhere"
cp "$DIR/a.ndjson" "$DIR/elsewhere/a.ndjson"
gzip -k "$DIR/elsewhere/a.ndjson"
load "$DIR/elsewhere/a.ndjson" "$DIR/elsewhere/a.ndjson.gz"
is "$(summary skipped)" 2 'skipped elsewhere and compressed, too'
is "$(cksum <"$DIR/a.ndjson")" "$before" 'the file is as it was'

events 1 100 >>"$DIR/a.ndjson"
load "$DIR/a.ndjson"
is "$(summary events)" 101 'a changed file is loaded'
load --force "$DIR/a.ndjson"
is "$(summary events)" 101 '--force loads once more'
is "$(rows)" 302 '302 rows'
is "$(sql 'SELECT COUNT(DISTINCT name) FROM log_files')" 3 'under its own name'

events 10 >"$DIR/$(ready 1)"
load "$DIR/$(ready 1)"
is "$(ledger name | tail -n 1)" "$(ready 1)" 'a spool'"'"'s name is kept'
zstd -q "$DIR/$(ready 1)" -o "$DIR/elsewhere/$(ready 1).zst"
load "$DIR/elsewhere/$(ready 1).zst"
is "$(summary skipped)" 1 'wherever it lies and however it is packed'

spool_new
mkdir -p "$SPOOL/ready"
cp "$DIR/$(ready 1)" "$SPOOL/ready/"
once
is "$STATUS" 0 'the same file in ready/: status 0'
ok 'it is gone' no_files ready
is "$(rows)" 312 'and was not loaded again'
done_testing
