#!/usr/bin/env bash
#
# Lines go out as they are; only an event without an id gets one.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

server_start
cat >"$DIR/in" <<-'IN'
	{"a":1, "b" : [1,2]}
	{ "id" : "own", "x":"\u00e9" }

	{}
	 {"id":42}	
	{"outer":{"id":"inner"}}
	{"i\u0064":"escaped"}
	{"id":"two\nlines"}
	{"id":"a","id":"b"}
IN
printf '{"crlf":1}\r\n{"last":"no line break"}' >>"$DIR/in"
cat >"$DIR/want" <<-'WANT'
	{"a":1, "b" : [1,2],"id":"r-000000001"}
	{ "id" : "own", "x":"\u00e9" }
	{"id":"r-000000004"}
	{"id":42}
	{"outer":{"id":"inner"},"id":"r-000000006"}
	{"i\u0064":"escaped"}
	{"id":"two\nlines"}
	{"id":"a","id":"b"}
	{"crlf":1,"id":"r-000000010"}
	{"last":"no line break","id":"r-000000011"}
WANT
cat >"$DIR/ids" <<-'IDS'
	r-000000001
	own
	r-000000004
	42
	r-000000006
	escaped
	two\nlines
	b
	r-000000010
	r-000000011
IDS
send --run r --connections 1 --acked "$DIR/acked" "$DIR/in"
is "$STATUS" 0 'all is acknowledged'
is "$(report requests_sent)" 10 'a request a line, but for the empty one'
ok 'what arrived is what was in the file' \
	diff -u "$DIR/want" "$DIR/server/bodies"
ok 'and --acked names it, a line an event' diff -u "$DIR/ids" "$DIR/acked"

: >"$DIR/server/bodies"
send --run r --connections 1 --batch 4 "$DIR/in"
is "$(report requests_sent)" 3 'in batches of four'
is "$(report events_acknowledged)" 10 'all events are acknowledged'
ok 'and arrive the same' diff -u "$DIR/want" "$DIR/server/bodies"

send --connections 1 --batch 4 --count 2 "$DIR/in"
is "$(report events_sent)" 8 '--count limits a file, too'

: >"$DIR/empty"
send "$DIR/empty"
is "$STATUS $(report requests_sent)" '0 0' 'an empty file is sent with success'
send "$DIR/none"
is "$STATUS" 74 'a file that is not there is an error'
like "$ERR" 'open .*/none: No such file' 'which names it'
send "$DIR"
is "$STATUS" 74 'as is a directory'
done_testing
