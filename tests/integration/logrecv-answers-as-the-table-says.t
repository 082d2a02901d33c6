#!/usr/bin/env bash
# Each kind of request gets the answer that its table promises: status, body,
# and the fields that tell a client what to do.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# answers STATUS BODY NAME: is that what the last request got?
answers() {
	is "$CODE $BODY" "$1 $2" "$3"
}

# field NAME: its value in the last answer
field() {
	sed -n "s/^$1: *//Ip" "$HEADERS" | tr -d '\r'
}

spool_new
logrecv_start --workers=1 --max-body=1000 --max-event=500 --max-depth=4

post '{"event":"user_login"}'
answers 200 '{"accepted":1}' 'one object'
is "$(field Content-Type)" application/json 'the answer is JSON'
like "$(field Date)" '^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} .* GMT$' \
	'and dated'
is "$(field Connection)" '' 'and the connection goes on'
post '[{"a":1},{"a":2}]'
answers 200 '{"accepted":2}' 'an array'
post $'{"a":3}\n{"a":4}\n{"a":5}\n'
answers 200 '{"accepted":3}' 'lines'
post '[]'
answers 200 '{"accepted":0}' 'an array of nothing'
post '{"a":6}' -H 'Content-Encoding: identity'
answers 200 '{"accepted":1}' 'a coding that is none'
post '{"a":7}' -H 'Content-Type: text/plain; charset=latin1'
answers 200 '{"accepted":1}' 'whatever it calls itself'
is "$(lines buffer)" 8 'each event is a line'
before=$(stored)

post '[{"a":1}{"a":2}]'
like "$CODE $BODY" '^400 \{"error":"[^"]+","event":1,"offset":8\}$' 'no JSON'
post '{"a":NaN}'
like "$CODE $BODY" '^400 \{"error":"[^"]+","event":0,"offset":5\}$' \
	'nearly JSON'
post $'{"a":"\xff"}'
like "$CODE $BODY" '^400 \{"error":"[^"]+","event":0,"offset":6\}$' 'no UTF-8'
post '"text"'
answers 400 '{"error":"an event must be an object","event":0,"offset":0}' \
	'no object'
post '[5,""]'
answers 400 '{"error":"an event must be an object","event":0,"offset":1}' \
	'an array of none'
for body in '' ' ' $'\r\n\t '; do
	post "$body"
	like "$CODE $BODY" '^400 \{"error":"the body is empty",' \
		"an empty body of ${#body} bytes"
done
post '{"a":[[[[]]]]}'
like "$CODE $BODY" '^400 \{"error":"[^"]*--max-depth[^"]*4[^"]*",' \
	'nesting over its limit'
post "{\"a\":\"$(printf '%0500d' 0)\"}"
like "$CODE $BODY" '^413 \{"error":"[^"]*--max-event[^"]*500[^"]*",' \
	'an event over its limit'
post "[$(printf '{"a":"%0200d"},' 1 2 3 4 5){}]"
like "$CODE $BODY" '^413 \{"error":"[^"]*--max-body[^"]*1000[^"]*"' \
	'a body over its limit'
post '{}' -H 'Content-Encoding: x-unknown'
like "$CODE $BODY" '^415 \{"error":"[^"]+"\}$' 'a coding that is not known'
post '{}' -H "X: $(printf '%020000d' 0)"
like "$CODE $BODY" '^431 \{"error":"[^"]*--max-header[^"]*"\}$' \
	'a header over its limit'
is "$(field Connection)" close 'cannot go on'

http POST /logs -d '{}'
like "$CODE $BODY" '^404 \{"error":"[^"]+"\}$' 'another path'
for path in //_bulk /LOG /log// /log/x //log /%6cog /healthz/; do
	http POST "$path" -d '{}'
	is "$CODE" 404 "$path is another path"
done
for method in GET DELETE PATCH TRACE post; do
	http "$method" /log
	is "$CODE $(field Allow)" '405 HEAD, POST, PUT, OPTIONS' "$method /log"
done
for path in /log /log/; do
	http OPTIONS "$path"
	is "$CODE $(field Allow) $BODY" '200 HEAD, POST, PUT, OPTIONS ' \
		"OPTIONS $path"
	http HEAD "$path" -I
	is "$CODE $(field Content-Length)" '200 0' "HEAD $path"
done
for path in /healthz /readyz /metrics; do
	# The metrics are for operators alone; how it is may be asked anywhere.
	http GET "$path"
	case $path in
	/metrics) is "$CODE" 404 'events come in where no metrics are' ;;
	*) is "$CODE" 200 "GET $path" ;;
	esac
	events=$URL URL=$ADMIN_URL
	http GET "$path"
	is "$CODE" 200 "GET $path"
	http GET "$path?x=y"
	is "$CODE" 200 "GET $path?x=y"
	http HEAD "$path" -I
	is "$CODE" 200 "HEAD $path"
	for method in POST PUT OPTIONS; do
		http "$method" "$path" -d '{}'
		is "$CODE $(field Allow)" '405 GET, HEAD' "$method $path"
	done
	URL=$events
done
URL=$ADMIN_URL post '{"a":7}'
is "$CODE" 404 'nor are events taken where operators come in'
is "$(stored)" "$before" 'nothing of what was refused is stored'

post '{"a":8}'
answers 200 '{"accepted":1}' 'after all that it takes events'
http POST '/log?x=y' -d '{"a":9}'
answers 200 '{"accepted":1}' 'with a query it does not know, too'
http PUT /log -d '{"a":10}'
answers 200 '{"accepted":1}' 'by PUT'
http POST /log/ -d '{"a":11}'
answers 200 '{"accepted":1}' 'or with a slash at the end'
is "$(lines buffer)" 12 'and stores them'

stop logrecv
is "$STATUS" 0 'it ends with status 0'
for sample in json=3 object=2 empty=3 depth=1 event-size=1 body-size=1 \
	header-size=1 content-coding=1 path=10 method=14; do
	is "$(metric logrecv "logrecv_refused_total{reason=\"${sample%=*}\"}")" \
		"${sample#*=}" "counted by reason: ${sample%=*}"
done
is "$(metric logrecv logrecv_events_total)" 12 'and the events taken'
done_testing
