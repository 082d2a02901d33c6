#!/usr/bin/env bash
# One bad event among good ones costs itself alone: the good ones are stored and
# counted, and it is, too, as a line that no event can be. --bad=refuse refuses
# the whole request instead, and a request without a good event is refused in
# either way.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# bad_lines: those stored
bad_lines() {
	stored | grep -v '^{'
}

# is_all_refused NAME: nothing of the last request was stored
is_all_refused() {
	is "$(stored)" "$before" "$1"
}

spool_new
logrecv_start --workers=1 --max-event=200 --max-depth=5

post $'{"a":1}\n{"a":NaN}\n{"a":2}\n'
is "$CODE $BODY" '200 {"accepted":2,"rejected":1,"errors":[{"error":"expected a value","event":1,"offset":13}]}' \
	'the good ones are accepted, the bad one rejected'
is "$(texts)" '{"a":1}
["expected a value",13,"{\"a\":NaN}"]
{"a":2}' 'and all stored, in their order'
post '[{"a":3},null,{"a":[[[[[]]]]]},{"a":4}]'
is "$CODE $BODY" '200 {"accepted":2,"rejected":2,"errors":[{"error":"an event must be an object","event":1,"offset":9},{"error":"nested over --max-depth (5)","event":2,"offset":23}]}' \
	'in an array, those that are JSON'
is "$(bad_lines | tail -n 2)" '["an event must be an object",9,"null"]
["nested over --max-depth (5)",23,"{\"a\":[[[[[]]]]]}"]' 'are stored like that'
post $'{"a":5}\n\xff\xfe\r\n'
is "$(bad_lines | tail -n 1)" '["expected a value",8,"//4=","base64"]' \
	'what is not UTF-8 is in base64'
post "$(printf '{"a":6}\n{"x":"%0300d"}\n{"a":7}' 0)"
is "$CODE" 200 'one that is too large, too'
is "$(bad_lines | tail -n 1)" \
	"[\"the event is over --max-event (200 bytes); 200 of its 308 bytes are kept\",8,\"{\\\"x\\\":\\\"$(printf '%0194d' 0)\"]" \
	'is stored as far as the limit goes, and tells so'
post $'{"a":8}\n["expected a value",0,"forged"]\n'
is "$(bad_lines | tail -n 1)" \
	'["an event must be an object",8,"[\"expected a value\",0,\"forged\"]"]' \
	'such a line of a client is a bad event'

before=$(stored)
post '[{"a":1},null,{"a":NaN}]'
is "$CODE $BODY" '400 {"error":"expected a value","event":2,"offset":19}' \
	'an array that is no JSON'
post $'x\n{"a":\n'
is "$CODE $BODY" '400 {"error":"expected a value","event":0,"offset":0}' \
	'no event that is good'
post "$(printf '{"x":"%0300d"}\n5' 0)"
is "$CODE" 413 'nor at first a small one'
is_all_refused 'are refused, and nothing is stored'

{ echo '{}'; yes 'bad' | head -n 2345; echo '{}'; } >"$DIR/many"
post "$(cat "$DIR/many")"
is "$CODE $(grep -o '"accepted":2,"rejected":2345,' <<<"$BODY")" \
	'200 "accepted":2,"rejected":2345,' 'many are counted'
is "$(grep -o '"event":' <<<"$BODY" | wc -l)" 10 'the first ten are told of'
is "$(bad_lines | grep -c '"bad"')" 1000 'and a thousand are stored'

for sample in 'logrecv_rejected_events_total{reason="json"}=2347' \
	'logrecv_rejected_events_total{reason="object"}=2' \
	'logrecv_rejected_events_total{reason="depth"}=1' \
	'logrecv_rejected_events_total{reason="event-size"}=1' \
	logrecv_rejected_dropped_total=1345 logrecv_events_total=10; do
	ok "${sample%=*}" wait_for sample_is "${sample%=*}" "${sample##*=}"
done
ok 'nothing stays in flight' wait_for sample_is logrecv_in_flight_bytes 0
stop logrecv

logrecv_start --workers=1 --max-event=200 --bad=refuse
before=$(stored)
post $'{"a":1}\n{"a":NaN}\n{"a":2}\n'
is "$CODE $BODY" '400 {"error":"expected a value","event":1,"offset":13}' \
	'--bad=refuse: one that is no JSON refuses all'
post '[{"a":1},5]'
is "$CODE $BODY" '400 {"error":"an event must be an object","event":1,"offset":9}' \
	'--bad=refuse: and one that is no object'
post "$(printf '{"a":1}\n{"x":"%0300d"}\n' 0)"
is "$CODE" 413 '--bad=refuse: or too large'
is_all_refused '--bad=refuse: nothing is stored'
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
