#!/usr/bin/env bash
# The ledger knows a name. A file of that name with other content, because it
# was loaded while it grew, is kept and told of: its events are in no table. A
# name that somebody uses again is not one that the ledger knows.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready" "$SPOOL/buffer"

# A copy of what a writer has written so far, and then the whole.
events 10 >"$SPOOL/buffer/$(ready 1)"
mkdir "$DIR/copy"
cp "$SPOOL/buffer/$(ready 1)" "$DIR/copy"
load "$DIR/copy/$(ready 1)"
is "$STATUS" 0 'a copy is loaded'
events 10 10 >>"$SPOOL/buffer/$(ready 1)"
mv "$SPOOL/buffer/$(ready 1)" "$SPOOL/ready"
size=$(stat -c %s "$SPOOL/ready/$(ready 1)")
once
is "$STATUS" 74 'the file that has grown: status 74'
is "$(files ready)" 1 'it stays'
like "$ERR" "file=$(ready 1) the ledger has [0-9]+ bytes under that name, the file has $size" \
	'it says why'
is "$(rows)" 10 'nothing is loaded twice'
load --dry-run "$SPOOL/ready/$(ready 1)"
is "$STATUS" 74 '--dry-run tells it too'
rm "$SPOOL/ready/$(ready 1)"

# A name that comes again.
events 3 >"$SPOOL/ready/daily.ndjson"
once
ok 'a file is loaded' no_files ready
events 5 100 >"$SPOOL/ready/daily.ndjson"
once
is "$STATUS/$(rows)/$(files ready)" 0/18/0 'so is another one of its name'
events 5 200 >"$SPOOL/ready/daily.ndjson"
once
is "$STATUS/$(rows)/$(files ready)" 0/23/0 'and one of the same size'

# By hand, from under a writer.
events 10 >"$SPOOL/buffer/$(ready 4)"
ln -s "$SPOOL/buffer" "$DIR/link"
cd "$SPOOL/buffer" || exit 1
for path in "$SPOOL/buffer/$(ready 4)" "./$(ready 4)" "$DIR/link/$(ready 4)"; do
	load "$path"
	is "$STATUS" 74 "$path: status 74"
	like "$ERR" 'wait for logbatch or run logbatch --once' 'it says what to do'
done
is "$(rows)" 23 'nothing is loaded'
load --dry-run "$SPOOL/buffer/$(ready 4)"
is "$STATUS" 0 '--dry-run may read it'
mkdir "$DIR/buffer"
cp "$(ready 4)" "$DIR/buffer"
load "$DIR/buffer/$(ready 4)"
is "$STATUS" 0 'a directory named buffer alone is no spool'
is "$(rows)" 33 'loaded'
done_testing
