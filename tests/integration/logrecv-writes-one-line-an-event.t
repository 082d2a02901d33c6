#!/usr/bin/env bash
# Whatever form a body has, each event becomes one line: the client's own text,
# line breaks between tokens turned into spaces, @received_at added last.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# becomes BODY TEXT NAME: the last line, without what was added
becomes() {
	post "$1"
	is "$CODE $(texts | tail -n 1)" "200 $2" "$3"
}

spool_new
logrecv_start --workers=1

becomes '{"a":1}' '{"a":1}' 'an object'
becomes '{}' '{}' 'an object without members'
becomes '{ }' '{ }' 'or with a space'
becomes $' \t\r\n{"a":1}\r\n \t' '{"a":1}' 'white space around it goes'
becomes $'{\n  "a": 1,\r\n\t"b": [\n1,\n2\n]\n}\n' \
	$'{   "a": 1,  \t"b": [ 1, 2 ] }' 'a pretty-printed object is one line'
becomes $'{\r}' '{ }' 'a CR alone is a line break too'
becomes '{"z":1,"a":2,"a":3}' '{"z":1,"a":2,"a":3}' \
	'order and repeated names stay'
becomes '{"n":[1.0,1e5,-0,12345678901234567890123456789,0.1e-400,1E+2]}' \
	'{"n":[1.0,1e5,-0,12345678901234567890123456789,0.1e-400,1E+2]}' \
	'so do numbers, whatever their size'
becomes '{"s":"\u0041\/\n\u0000\ud83d\ude00"}' \
	'{"s":"\u0041\/\n\u0000\ud83d\ude00"}' 'and escapes'
becomes $'{"s":"\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80"}' \
	$'{"s":"\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80"}' 'and UTF-8'
becomes '{"s":"],}\"[{"}' '{"s":"],}\"[{"}' 'brackets in strings are none'

before=$(lines buffer)
post $'{"a":1}\r\n\r\n \t\n{"a":2}\n\n{"a":3}'
is "$BODY" '{"accepted":3}' \
	'lines, with CR LF, blank ones, and no line end at the end'
is "$(texts | tail -n 3)" $'{"a":1}\n{"a":2}\n{"a":3}' 'are a line each'
post $'\n[\n  {\n    "a": 1\n  },\n  {"a":2}\n,{}]\n'
is "$BODY" '{"accepted":3}' 'an array, pretty-printed'
is "$(texts | tail -n 3)" $'{     "a": 1   }\n{"a":2}\n{}' 'is a line each'
post "[$(printf '{"i":%d},' $(seq 1 999)){\"i\":1000}]"
is "$BODY" '{"accepted":1000}' 'an array of 1000'
is "$(texts | tail -n 1000)" "$(printf '{"i":%d}\n' $(seq 1 1000))" \
	'is 1000 lines in order'
is "$(($(lines buffer) - before))" 1006 'not one line more'

post $'{"a":"x\n{\\"forged\\":1}"}'
is "$CODE" 400 'a raw line break in a string is refused'
post '{"a":"x\n{\"forged\":1}"}'
is "$(stored | grep -c '^{"forged')" 0 'one that is escaped makes no line'

post '{"@received_at":"1999-01-01T00:00:00.000000Z","a":1}'
like "$(stored | tail -n 1)" \
	'^\{"a":1,"@received_at":"20[0-9-]{8}T[0-9:]{8}\.[0-9]{6}Z"\}$' \
	'a time of the client is taken out'
becomes '{"a":1,"\u0040received_\u0061t":2 , "b":{"@received_at":3},"@received_at":4}' \
	'{"a":1,"b":{"@received_at":3}}' 'however it is spelt, each of them'
becomes '{"@received_at":5}' '{}' 'and where it is all'
ok 'they are counted' wait_for sample_is logrecv_client_stamps_total 4
not_ok 'each line ends in our time' grep -qvaE \
	'[{, ]"@received_at":"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"}$' \
	"$SPOOL"/buffer/*.ndjson

at=$(stored | tail -n 1 | sed 's/.*"@received_at":"\([^"]*\)"}$/\1/')
off=$(($(date +%s) - $(date -d "$at" +%s)))
num "${off#-}" -le 60 'and that is the time of day, in UTC'
done_testing
