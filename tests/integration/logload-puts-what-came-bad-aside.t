#!/usr/bin/env bash
# What logrecv has stored of a bad event becomes a record of rejected/: with the
# reason that its client was told, where it was in the request, and its text,
# byte for byte. A line that only looks like one is no event as any other.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
logrecv_start --workers=1 --max-event=100
post $'{"n":1}\n{"s":"\\u00e9 \\"x\\"","n":NaN}\n{"n":2}\n7\n'
printf '{"n":3}\n\xff\0\xfe\nquo"te\\\t\x01\n{"n":4}\n%0300d\n' 7 >"$DIR/body"
http POST /log --data-binary "@$DIR/body"
is "$CODE" 200 'good ones and bad ones are taken'
stop logrecv
run logbatch --once --spool "$SPOOL"
name=$(basename "$SPOOL"/ready/*.ndjson)
cp "$SPOOL/ready/$name" "$DIR/copy"
bad=$(grep -c '^\[' "$DIR/copy")
once
is "$STATUS" 0 'all is loaded or set aside'
is "$(rows)" 4 'the good ones are rows'
ok 'the file is gone' no_files ready
is "$(rejected file | sort -u)" "$name" 'the bad ones are in rejected/'
is "$(rejected line | xargs)" "$(grep -n '^\[' "$DIR/copy" | cut -d : -f 1 | xargs)" \
	'each by its line'
is "$(rejected code | sort -u)" 0 'refused by none but us'
is "$(ledger events,rejected)" "4	$bad" 'the ledger counts both'
like "$(rejected text | head -n 1)" '^expected a value, at byte 32 of its request$' \
	'the reason, and its place in the request'
is "$(rejected raw | head -n 1)" '{"s":"\u00e9 \"x\"","n":NaN}' 'the text, as it was'
is "$(rejected base64 | grep -v '^-' | tail -n 1 | base64 -d | od -An -tx1)" \
	' ff 00 fe' 'in base64 what is not UTF-8'
is "$(rejected raw | grep -c $'^quo"te\\\\\t\x01$')" 1 'with all that it has in it'
like "$(rejected text | tail -n 1)" '100 of its 300 bytes are kept' \
	'or as much as is kept of it'
is "$(rejected raw | tail -n 1)" "$(printf '%0300d' 7 | cut -c 1-100)" 'of it'

# A second time by the same way, through a retry, and as a file by hand.
before=$(cat "$SPOOL"/rejected/*)
run logload --db "$DB_URL" --spool "$SPOOL" --retry-rejected
is "$STATUS" 65 'there is nothing to try again'
is "$(cat "$SPOOL"/rejected/*)" "$before" 'so they stay as they are'

cat >"$DIR/like.ndjson" <<-'LINES'
	{"n":5}
	["reason",5,"text"]
	["reason",5,"dGV4dA==","base64"]
	["reason",5]
	["reason",5,"text",6]
	["reason",5,"text","base65"]
	["reason",-5,"text"]
	["reason", 5,"text"]
	["reason","5","text"]
	[["reason"],5,"text"]
LINES
rm -rf "$SPOOL"/rejected
load "$DIR/like.ndjson"
is "$STATUS" 65 'by hand: status 65'
is "$(rejected text | head -n 2 | sort -u)" 'reason, at byte 5 of its request' \
	'what is such a line is read as one'
is "$(rejected raw | head -n 1) $(rejected base64 | sed -n 2p)" 'text dGV4dA==' \
	'with its text'
is "$(rejected text | tail -n +3 | sort | uniq -c | xargs)" \
	'7 not a JSON object' 'what only looks like one is none'
is "$(rejected event | tail -n +3 | head -n 1)" '["reason",5]' \
	'and stands there as it is'
done_testing
