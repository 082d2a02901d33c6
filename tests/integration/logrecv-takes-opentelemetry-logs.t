#!/usr/bin/env bash
# OTLP/HTTP by its specification: a log record of /v1/logs is an event, whether
# it came as JSON or as protobuf, and the answer is of the request's own kind.
# Exporters send again what was answered 429, 502, 503 or 504, and nothing else.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# logs TYPE FORMAT: posts the bytes of a printf format to /v1/logs; sets TYPE,
# that of the answer, too
logs() {
	# shellcheck disable=SC2059
	printf "$2" >"$DIR/.logs"
	http POST /v1/logs -H "Content-Type: $1" --data-binary "@$DIR/.logs"
	TYPE=$(sed -n 's/\r$//; s/^Content-Type: //p' "$HEADERS")
}

json() {
	logs application/json "$1"
}

protobuf() {
	logs application/x-protobuf "$1"
}

# in_protobuf: the text that the answer has in its second field, by its length
in_protobuf() {
	perl -0777 -ne 'print $2 if /^\x12(.)(.*)$/s && ord($1) == length($2)' \
		"$DIR/.body"
}

spool_new
logrecv_start --workers=1 --max-body=2000

json '{"resourceLogs":[{"schemaUrl":"u","scopeLogs":[{"logRecords":[
  {"timeUnixNano":"1544712660300000001","severityNumber":9,
   "severityText":"INFO","body":{"stringValue":"m"},
   "traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174",
   "attributes":[{"key":"big","value":{"intValue":"9223372036854775807"}}]},
  {"attributes":[{"key":"user","value":{"kvlistValue":{"values":[
   {"key":"id","value":{"doubleValue":0.5}}]}}}]}],
   "scope":{"name":"lib","version":"1"}}],
  "resource":{"attributes":[{"key":"service.name",
   "value":{"stringValue":"shop"}}]}}]}'
is "$CODE $TYPE $BODY" '200 application/json {}' 'JSON is answered in JSON'
common='"resource":{"attributes":{"service.name":"shop"},"schemaUrl":"u"},"scope":{"name":"lib","version":"1"}'
is "$(texts)" '{"timestamp":"2018-12-13T14:51:00.300000001Z","severityNumber":9,"severityText":"INFO","body":"m","attributes":{"big":9223372036854775807},"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174",'"$common"'}
{"attributes":{"user":{"id":0.5}},'"$common"'}' \
	'a record is an event, with its resource and scope'

# A resource of a scope of a record: severity 17, "E", and body "m"
protobuf '\x0a\x10\x12\x0e\x12\x0c\x10\x11\x1a\x01E\x2a\x05\x0a\x03a"b'
is "$CODE $TYPE $(wc -c <"$DIR/.body")" '200 application/x-protobuf 0' \
	'protobuf is answered in protobuf'
is "$(texts | tail -n 1)" '{"severityNumber":17,"severityText":"E","body":"a\"b"}' \
	'and stored likewise'
protobuf ''
is "$CODE" 200 'a request without a record is taken'
json '{}'
is "$CODE $BODY" '200 {}' 'in JSON, too'

json '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"flags":1},{"flags":-1}]}]}]}'
is "$CODE $TYPE $BODY" '200 application/json {"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"log record 1, at byte 67: not an integer, or out of its range"}}' \
	'some are bad: a partial success'
is "$(stored | tail -n 1)" '["not an integer, or out of its range",67,"{\"flags\":-1}"]' \
	'the bad ones are stored as what they are'
# A good one, and one whose severity text is not UTF-8
protobuf '\x0a\x0b\x12\x09\x12\x02\x10\x11\x12\x03\x1a\x01\xff'
is "$CODE $TYPE $(od -An -tx1 -N4 "$DIR/.body")" \
	'200 application/x-protobuf  0a 31 08 01' 'in protobuf'
is "$(stored | tail -n 1)" '["a text is not UTF-8",10,"GgH/","base64"]' \
	'and stored in base64'

before=$(stored)
json '{"resourceLogs":[{"scopeLogs":[{"logRecords":[5]}]}]}'
is "$CODE $TYPE $BODY" '400 application/json {"message":"log record 0, at byte 46: not an object"}' \
	'none is good: a Status'
protobuf 'abc'
is "$CODE $TYPE $(in_protobuf)" \
	"400 application/x-protobuf log record 0, at byte 1: the body is not OTLP's protobuf" \
	'in the encoding of the request'
json '{"resourceLogs":['
is "$CODE" 400 'what is no JSON is bad'
json '{"resourceSpans":[{"scopeSpans":[]}]}'
is "$CODE $BODY" '400 {"message":"log record 0, at byte 0: it has no resourceLogs"}' \
	'so is a batch of something else'
# A metric with the name "cpu"; a span with an id
for other in 'cpu' '\x01\x02\x03'; do
	protobuf "\x0a\x09\x12\x07\x12\x05\x0a\x03$other"
	is "$CODE $(in_protobuf)" \
		'400 log record 0, at byte 6: a span or a metric, not a record' \
		'also in protobuf'
done
protobuf "$(printf '%02001d' 0)"
is "$CODE $TYPE" '413 application/x-protobuf' 'what is too large'
like "$(in_protobuf)" 'max-body' 'is by the name of the limit'
logs text/plain '{}'
is "$CODE $TYPE" '415 application/json' 'other types are not taken'
not_ok 'of codings that says nothing' grep -qi '^Accept-Encoding' "$HEADERS"
http GET /v1/logs
is "$CODE" 405 'nor other methods'
is "$(stored)" "$before" 'nothing of these is stored'
stop logrecv

echo 'shop:secret' >"$DIR/tokens"
chmod 600 "$DIR/tokens"
logrecv_start --workers=1 --min-free=900TB --token-file="$DIR/tokens"
protobuf ''
is "$CODE $TYPE $(in_protobuf)" \
	'401 application/x-protobuf a token is missing, in the field Authorization' \
	'who is not known is told so in a Status, too'
stop logrecv

logrecv_start --workers=1 --min-free=900TB
protobuf ''
is "$CODE $TYPE" '503 application/x-protobuf' 'a full disk is worth a retry'
ok 'after a while' grep -qi '^Retry-After: [0-9]' "$HEADERS"
stop logrecv

faults_start --workers=1
touch "$FAULTS/fail"
protobuf '\x0a\x06\x12\x04\x12\x02\x10\x11'
is "$CODE $TYPE" '500 application/x-protobuf' \
	'where it may be stored or not, there is no retry'
like "$(in_protobuf)" 'the sync failed' 'and the Status says so'
stop logrecv
done_testing
