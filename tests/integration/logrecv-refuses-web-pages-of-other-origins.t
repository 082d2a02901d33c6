#!/usr/bin/env bash
# A web page can make a browser post to a loopback address: what comes from a
# page of another origin is refused, whatever it asks for, unless --cors-origin
# allows it. With --host a name that was bound to our address afterwards is
# refused too.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# answers CODE NAME METHOD PATH [CURL-OPTION]...
answers() {
	local code=$1 name=$2

	shift 2
	http "$@"
	is "$CODE" "$code" "$name"
}

evil='Origin: http://evil.example'
spool_new
logrecv_start --workers=1
answers 200 'without an Origin an event is taken' POST /log -d '{"a":1}'
answers 200 'from a page of ours too' POST /log -d '{"a":2}' \
	-H "Origin: $URL"
answers 403 'from a page of another origin it is refused' POST /log \
	-d '{"a":3}' -H "$evil"
like "$BODY" '"error":".*--cors-origin' 'by the name of the option'
answers 403 'so is what has no origin to tell' POST /log -d '{"a":4}' \
	-H 'Origin: null'
answers 403 'and a text/plain, which a browser asks nobody for' POST /log \
	-d '{"a":5}' -H "$evil" -H 'Content-Type: text/plain'
URL=$ADMIN_URL answers 403 'and whoever wants the metrics' GET /metrics -H "$evil"
is "$(stored | wc -l)" 2 'nothing of what was refused is stored'
answers 200 'any Host will do' GET /healthz -H 'Host: evil.example'
counted() {
	sample_is 'logrecv_refused_total{reason="origin"}' 4
}
ok 'they are counted' wait_for counted
stop logrecv

spool_new
logrecv_start --workers=1 --cors-origin=https://a.example,http://evil.example \
	--host=localhost,127.0.0.1
answers 200 'an origin that is allowed is' POST /log -d '{"a":1}' -H "$evil"
answers 403 'another one is not' POST /log -d '{"a":2}' \
	-H 'Origin: http://other.example'
answers 200 'a Host of the list' POST /log -d '{"a":3}' -H 'Host: localhost'
answers 403 'another Host' GET /healthz -H "Host: evil.example:$PORT"
like "$BODY" '"error":".*--host' 'is refused by the name of the option'
answers 403 'and the Origin that goes with it' POST /log -d '{"a":4}' \
	-H "Host: evil.example:$PORT" -H "Origin: http://evil.example:$PORT"
is "$(http_codes "$PORT" < <(printf \
	'GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'))" \
	403 'the name in the target counts more than the Host'
is "$(stored | wc -l)" 2 'two events are stored'
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
