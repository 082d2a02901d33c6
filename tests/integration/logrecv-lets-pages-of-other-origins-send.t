#!/usr/bin/env bash
# A page of an origin that --cors-origin allows can send, and read the answer,
# whatever that is: a browser must be told so by each of them, and asks first.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

page=https://app.example
printf 'web:first-token\n' >"$DIR/tokens"
chmod 600 "$DIR/tokens"

# readable NAME: may the page read the answer?
readable() {
	local head

	head=$(tr -d '\r' <"$HEADERS")
	like "$head" "Access-Control-Allow-Origin: $page"$'\n' "$1: readable"
	like "$head" 'Access-Control-Allow-Credentials: true' '  for a beacon, too'
	like "$head" 'Vary: Origin' '  by this page alone'
}

# asks CODE NAME METHOD PATH [OPTION]...: as a page does, or, with ORIGIN=, not
asks() {
	local code=$1 name=$2

	shift 2
	http "$@" ${ORIGIN+-H "Origin: $page"}
	is "$CODE" "$code" "$name"
}

spool_new
logrecv_start --workers=1 --token-file="$DIR/tokens" --max-body=1kB \
	--cors-origin="https://other.example,HTTPS://App.Example"
ORIGIN=
asks 200 'a preflight' OPTIONS /log \
	-H 'Access-Control-Request-Method: POST' \
	-H 'Access-Control-Request-Headers: authorization,x-mine'
readable 'it is'
head=$(tr -d '\r' <"$HEADERS")
like "$head" 'Access-Control-Allow-Methods: [A-Z, ]*POST' '  with the methods'
like "$head" 'Access-Control-Allow-Headers: Authorization, Content-Type, Content-Encoding, authorization,x-mine' \
	'  and the fields'
like "$head" 'Access-Control-Max-Age: [1-9]' '  for a while'
asks 401 'a wrong token' POST /log -d '{}'
readable 'it is'
like "$(cat "$HEADERS")" 'WWW-Authenticate: Bearer' 'it says how'
unlike "$(cat "$HEADERS")" 'Basic' 'but not so that the browser asks its user'
token='Authorization: Bearer first-token'
for case in '200 {}' '200 {}{}' '400 x' "413 $(printf 'x%.0s' {1..2000})"; do
	asks "${case%% *}" "an answer ${case%% *}" POST /log -d "${case#* }" \
		-H "$token"
	readable 'it is'
done
# As Chromium sends them, but for their addresses.
asks 200 'a report of a policy' POST /log -H "$token" \
	-H 'Content-Type: application/csp-report' \
	-d '{"csp-report":{"document-uri":"https://a/","referrer":"","violated-directive":"img-src","effective-directive":"img-src","original-policy":"img-src none; report-uri https://b/log","disposition":"enforce","blocked-uri":"https://a/a.png","status-code":200,"script-sample":""}}'
asks 200 'and of the Reporting API' POST /log -H "$token" \
	-H 'Content-Type: application/reports+json' \
	-d '[{"age":1,"body":{"blockedURL":"inline","columnNumber":25,"disposition":"report"},"type":"csp-violation","url":"https://a/"}]'
is "$(stored | grep -cE '^\{"(csp-report|age)":')" 2 'are events as they are'
asks 404 'no such path' GET /none -H "$token"
readable 'it is'
asks 405 'a method that is not allowed' GET /log -H "$token"
readable 'it is'
asks 200 'is it alive?' GET /healthz
readable 'it is'
page=https://evil.example
asks 403 'another page is refused' POST /log -d '{}' -H "$token"
unlike "$(cat "$HEADERS")" 'Access-Control' 'and cannot read it'
asks 403 'at its preflight already' OPTIONS /log \
	-H 'Access-Control-Request-Method: POST'
unlike "$(cat "$HEADERS")" 'Access-Control' 'likewise'
unset ORIGIN
asks 200 'what is no page' POST /log -d '{}' -H "$token"
unlike "$(cat "$HEADERS")" 'Access-Control' 'is told nothing of pages'
like "$(cat "$HEADERS")" 'Vary: Origin' 'but that they are told more'
page=https://app.example
raw "$(request '{"n":1}' "$token" "Origin: $page")$(request '{"n":2}' "$token")$(
	request '{"n":3}' "$token" 'Origin: https://other.example' 'Connection: close')"
is "$CODES" '200 200 200' 'pages that share a connection'
is "$(grep -ao 'Origin: .*' <<<"$ANSWERS" | paste -s -d ' ' -)" \
	"Origin: $page Origin: https://other.example" 'are each told of their own'
stop logrecv
is "$STATUS" 0 'it ends with status 0'

spool_new
logrecv_start --workers=1 --cors-origin='*'
ORIGIN=
asks 200 'with * any page' POST /log -d '{}'
readable 'it is'
URL=$ADMIN_URL http GET /metrics -H "Origin: $page"
unlike "$(cat "$HEADERS")" 'Access-Control' 'but it cannot read the metrics'
page=null
asks 200 'even one that has no origin' POST /log -d '{}'
readable 'it is'
stop logrecv

run logrecv --spool "$SPOOL" --cors-origin='https://a.example,https://b.example/'
is "$STATUS" 64 'an origin that no page has is refused at the start'
like "$ERR" "--cors-origin: .*'https://b.example/'.* SCHEME://HOST" \
	'with what it must be'

done_testing
