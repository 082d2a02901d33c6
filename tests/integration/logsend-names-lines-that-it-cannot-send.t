#!/usr/bin/env bash
#
# A line that is no event is neither sent nor passed over in silence.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

server_start
{
	printf '%s\n' '{"ok":1}' 'text' '{"open":' '[{"ok":1}]' '{"a":1} {"b":2}'
	printf '%s\n' '{"id":{"o":1}}' '{"id":null}' '{"n":01}'
	head -c 9000000 /dev/zero | tr '\0' x
	printf '\n{"bad":"\377"}\n{"ok":2}\n'
} >"$DIR/in"
send --run r "$DIR/in"
is "$STATUS" 65 'the exit status says that not all could be sent'
is "$(report events_acknowledged)" 2 'the good ones are sent all the same'
is "$(report lines_unsendable)" 9 'the others counted'
for line in 2 3 4 5 6 7 8 9 10; do
	like "$ERR" "/in line $line cannot be sent: " "line $line is named"
done
like "$ERR" 'line 9 cannot be sent: it is longer than 8 MiB' \
	'a line over the limit, with the limit'
like "$(cat "$DIR/server/bodies")" 'r-000000011' 'and lines go on counting'

# Memory does not grow with the file: 100 MB of lines in 60 MB of memory.
perl -e 'print "{\"x\":\"", "y" x 990, "\"}\n" for 1 .. 100000' >"$DIR/large"
if nm "$BUILD/logsend" 2>/dev/null | grep -q __asan_init; then
	note 'not under AddressSanitizer, which reserves address space'
else
	run bash -c 'ulimit -v 60000; exec logsend --url "$1" --report json \
		--rate 0 --batch 50 --connections 2 "$2"' sh "$URL" "$DIR/large"
	is "$STATUS" 0 'a large file is sent in little memory'
	is "$(report events_acknowledged)" 100000 'to its end'
fi
done_testing
