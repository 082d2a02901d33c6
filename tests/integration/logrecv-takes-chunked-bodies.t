#!/usr/bin/env bash
# A chunked body is the same as one of known length, wherever its chunks and
# its segments are cut; extensions and trailers are passed over.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

head='POST /log HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'

# takes FORMAT TEXT NAME: the body is taken, and these are its lines
takes() {
	local before
	before=$(lines buffer)
	RAW=(-n 1)
	raw "$head$1"
	is "$CODES $(texts | tail -n "+$((before + 1))")" "200 $2" "$3"
}

spool_new
logrecv_start --workers=1

takes '7\r\n{"a":1}\r\n0\r\n\r\n' '{"a":1}' 'one chunk'
takes '1\r\n{\r\n5\r\n"a":1\r\n1\r\n}\r\n0\r\n\r\n' '{"a":1}' 'three'
takes '2\r\n{"\r\n1\r\na\r\n4\r\n":"\\\r\n3\r\n"x"\r\n1\r\n}\r\n0\r\n\r\n' \
	'{"a":"\"x"}' 'cut within tokens and escapes'
takes '6\r\n{"a":"\r\n1\r\n\xc3\r\n1\r\n\xa9\r\n2\r\n"}\r\n0\r\n\r\n' \
	$'{"a":"\xc3\xa9"}' 'cut within a character'
takes '8\r\n{"a":1}\n\r\n8\r\n{"a":2}\n\r\n0\r\n\r\n' $'{"a":1}\n{"a":2}' \
	'lines in chunks'
takes '6\r\n\r\n{}\r\n\r\n0\r\n\r\n' '{}' 'line breaks in a chunk'
takes '0007\r\n{"a":1}\r\n0000\r\n\r\n' '{"a":1}' 'leading zeros'
takes 'B\r\n{"a":12345}\r\n0\r\n\r\n' '{"a":12345}' 'large digits'
takes 'b\r\n{"a":12345}\r\n0\r\n\r\n' '{"a":12345}' 'small digits'
takes '7;x;y=z;q="a;\\"b"\r\n{"a":1}\r\n0;end\r\n\r\n' '{"a":1}' 'extensions'
takes '7 ; x = y\r\n{"a":1}\r\n0\r\n\r\n' '{"a":1}' 'with white space'
takes '7\r\n{"a":1}\r\n0\r\nX: y\r\nContent-Length: 5\r\n\r\n' '{"a":1}' \
	'trailers'

# Every way to arrive: bytes alone, and pieces that cut everything somewhere.
body='7;x=y\r\n{"a":1}\r\n2\r\n\n{\r\n6\r\n"b":2}\r\n0\r\nX: y\r\n\r\n'
for piece in 1 2 3 5 7 11 23; do
	before=$(lines buffer)
	RAW=(-n 2 -b "$piece")
	raw "$head$body$head$body"
	is "$CODES $(texts | tail -n "+$((before + 1))" | paste -s -d ' ' -)" \
		'200 200 {"a":1} {"b":2} {"a":1} {"b":2}' \
		"two requests in pieces of $piece"
done

# A large one, in chunks of all sizes.
before=$(lines buffer)
perl -e '
	print "POST /log HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
	my $body = join "", map { "{\"i\":$_}\n" } 1 .. 50000;
	for (my $size = 1; length $body; $size = $size * 2 % 65521) {
		my $chunk = substr($body, 0, $size, "");
		printf "%x\r\n%s\r\n", length $chunk, $chunk;
	}
	print "0\r\n\r\n"' >"$DIR/large"
is "$(http_codes -n 1 "$PORT" <"$DIR/large")" 200 'a large body'
is "$(texts | tail -n "+$((before + 1))" | cksum)" \
	"$(seq 1 50000 | sed 's/.*/{"i":&}/' | cksum)" 'is what was sent'

RAW=(-n 2)
raw "${head}0\\r\\n\\r\\n$(request '{}')"
is "$CODES" '400 200' 'an empty one is refused, and the next request is taken'
raw "${head}4\\r\\n[{},\\r\\n0\\r\\n\\r\\n$(request '{}')"
is "$CODES" '400 200' 'so is one that is not JSON'
ok 'no bytes are in flight at the end' wait_for sample_is logrecv_in_flight_bytes 0
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
