#!/usr/bin/env bash
# Loki's push: a line is an event, with its labels, whether it came as JSON or as
# protobuf in a block of snappy; and answers are what Loki's clients look for.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# push TYPE FORMAT [CURL-OPTION]...: posts the bytes of a printf format
push() {
	# shellcheck disable=SC2059
	printf "$2" >"$DIR/.push"
	http POST /loki/api/v1/push -H "Content-Type: $1" \
		--data-binary "@$DIR/.push" "${@:3}"
}

spool_new
logrecv_start --workers=1 --max-body=1000

push application/json '{"streams":[{"stream":{"job":"a"},"values":[
	["1570818238000000123","text"],
	["1570818238000000124","{\\"level\\":30}",{"trace":"b"}]]}]}'
is "$CODE$BODY" 204 'JSON is taken'
not_ok 'a 204 has no length' grep -qi '^Content-Length' "$HEADERS"
is "$(texts)" '{"timestamp":"2019-10-11T18:23:58.000000123Z","line":"text","labels":{"job":"a"}}
{"timestamp":"2019-10-11T18:23:58.000000124Z","line":{"level":30},"labels":{"job":"a"},"structuredMetadata":{"trace":"b"}}' \
	'each line is an event, with its labels'

# 26 bytes as they are: a stream {a="b"}, and an entry at second 1, "text"
block='\x18\x5c\x0a\x16\x0a\x07{a="b"}\x12\x0b\x0a\x02\x08\x01\x12\x05text!'
push application/x-protobuf "$block"
is "$CODE" 204 'a block of snappy is taken'
line='{"timestamp":"1970-01-01T00:00:01.000000000Z","line":"text!","labels":{"a":"b"}}'
is "$(texts | tail -n 1)" "$line" 'and stored likewise'
push '' "$block" -H 'Content-Encoding: snappy'
is "$CODE $(texts | grep -cxF "$line")" '204 2' \
	'whether its coding is told, or its type, or not'
# Of one connection, so that what follows a 204 is seen.
ok 'answers that follow it are understood' curl -q -sS -f -o /dev/null \
	-o /dev/null -H 'Content-Type: application/json' \
	-d '{"streams":[]}' "$URL/loki/api/v1/push" "$URL/loki/api/v1/push"

before=$(stored)
push application/json '{"streams":[{"stream":{},"values":[["x","y"]]}]}'
is "$CODE $BODY" '400 line 0, at byte 35: a time must be a string of nanoseconds since 1970' \
	'what has no good line is told in words'
like "$(cat "$HEADERS")" 'Content-Type: text/plain' 'as plain text'
push application/json '{"event":"a"}'
is "$CODE $BODY" '400 line 0, at byte 0: it has no streams' \
	'and what is another kind of object'
push application/x-protobuf '{}'
is "$CODE $BODY" '400 line 0, at byte 0: the body is not a block of snappy' \
	'what is no snappy is bad'
push application/x-protobuf "\\xe8\\x07$(printf '%060d' 0)"
is "$CODE" 400 'and what is none behind its length'
push application/x-protobuf "\\xe9\\x07$(printf '%060d' 0)"
is "$CODE $BODY" '413 line 0, at byte 0: unpacked, the body is over --max-body (1000 bytes)' \
	'and what would be too large is not unpacked'
is "$(stored)" "$before" 'nothing of these is stored'
push application/json '{"streams":[{"stream":{},"values":[["x","y"],["0","z"]]}]}'
is "$CODE" 204 'a bad line in good company is stored'
is "$(stored | tail -n 2 | head -n 1)" \
	'["a time must be a string of nanoseconds since 1970",35,"[\"x\",\"y\"]"]' \
	'as what it is'
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
