#!/usr/bin/env bash
# With --token-file events are taken from those alone whose token is in it, said
# as each kind of client says it; no more than a token allows; and whose they
# are is in the events and in the metrics. Reading the file anew disturbs nobody.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

tokens=$DIR/tokens
base64_of() {
	printf '%s' "$1" | base64 -w 0
}

# answers CODE NAME AUTHORIZATION [BODY]: what a POST is answered, by that field
answers() {
	local body=${4:-}

	[ -n "$body" ] || body='{}'
	post "$body" ${3:+-H "Authorization: $3"}
	is "$CODE" "$1" "$2"
}

reload() {
	kill -HUP "$(pid logrecv)"
	wait_for logged "$1" "$2"
}

# logged TEXT N: N times?
logged() {
	[ "$(grep -c -e "$1" "$DIR/logrecv.log")" -eq "$2" ]
}

hash=$(printf second | sha256sum | cut -c 1-64)
cat >"$tokens" <<END
# who may send
web:first-token
shop:sha256:$hash
few:few-token events=2
thin:thin-token bytes=1kB
only:only-token ways=log,bulk
END
chmod 600 "$tokens"
spool_new
logrecv_start --workers=1 --token-file="$tokens" --sender-member=@sender
is "$(awk '/^Max core file size/ { print $5, $6 }' \
	"/proc/$(pid logrecv)/limits")" '0 0' 'no core dump has tokens'
answers 401 'without a token an event is refused' ''
like "$BODY" '"error":".*token' 'by a sentence that says why'
like "$(cat "$HEADERS")" 'WWW-Authenticate: Bearer[^,]*, Basic ' \
	'and in a field that says how'
answers 401 'a token that is not in the file' 'Bearer first-toke'
answers 401 'a hash is no token' "Bearer $hash"
answers 401 'a name is none' "Basic $(base64_of first-token:web)"
answers 401 'a scheme that is not known' 'Digest first-token'
answers 200 'Bearer' 'Bearer first-token'
answers 200 'of a token that is hashed in the file' 'bearer second'
answers 200 'Splunk' 'Splunk first-token'
answers 200 'Basic: the password' "Basic $(base64_of any:first-token)"
answers 200 'ApiKey, encoded' "ApiKey $(base64_of id:first-token)"
answers 200 'ApiKey as it is' 'ApiKey first-token'
post '{"@sender":"forged","a":{"@sender":"inner"}}' \
	-H 'Authorization: Bearer second'
is "$(texts | tail -n 1)" '{"a":{"@sender":"inner"},"@sender":"shop"}' \
	'the event has the name, in place of what the client wrote'
post '{}' -H 'Authorization: Bearer first-token' \
	-H 'Authorization: Bearer second'
is "$CODE" 401 'two fields are none'
is "$(stored | wc -l)" 7 'nothing is stored but what was taken'

raw 'POST /log HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n'
is "$CODES" 401 'a client that waits to be asked for its body is told at once'
raw "$(request '{}' 'Authorization: Bearer x')$(
	request '{}' 'Authorization: Bearer second' 'Connection: close')"
is "$CODES" '401 200' 'and one that does not is understood further on'
for path in /healthz /readyz; do
	http GET "$path"
	is "$CODE" 200 "$path needs no token"
done
http OPTIONS /log
is "$CODE" 200 'nor does OPTIONS'
URL=$ADMIN_URL http GET /metrics
is "$CODE" 200 'nor what operators ask for'

# Much at once is taken, but then must be made up for: here, in minutes.
answers 200 'a request of more events than a second has' 'Bearer few-token' \
	"$(printf '{} %.0s' {1..500})"
answers 429 'the next is refused' 'Bearer few-token'
like "$(cat "$HEADERS")" 'Retry-After: 2[0-9][0-9]' 'until it is made up for'
like "$BODY" '"error":".*events' 'which a sentence says'
answers 200 'a request of more bytes than a second has' 'Bearer thin-token' \
	"{\"a\":\"$(printf 'x%.0s' {1..200000})\"}"
answers 429 'the next is refused, too' 'Bearer thin-token'
like "$(cat "$HEADERS")" 'Retry-After: (19|20)[0-9]' 'likewise'
answers 200 'others are not bound by that' 'Bearer second'
answers 200 'one who may use this way does' 'Bearer only-token'
http POST /services/collector -d '{"event":{}}' -H 'Authorization: Splunk only-token'
is "$CODE" 403 'and no other way'
http POST /services/collector -d '{"event":{}}' -H 'Authorization: Splunk first-token'
is "$CODE" 200 'others are bound to none'
http POST /services/collector -d '{"event":{}}'
like "$CODE $BODY" '^401 \{"text":"Token is required","code":2,' \
	'a refusal is what its clients understand'
http GET /services/collector/health
is "$CODE" 200 'and what takes no events needs no token'
# The text is made once a second.
counted() {
	sample_is 'logrecv_refused_total{reason="no-token"}' 3
}
ok 'the metrics tell how many came without a token' wait_for counted
ok '  with a wrong one' sample_is 'logrecv_refused_total{reason="token"}' 6
ok '  for another way in' sample_is 'logrecv_refused_total{reason="way"}' 1
ok '  over a rate' sample_is 'logrecv_refused_total{reason="rate"}' 2
ok '  whose events they are' sample_is \
	'logrecv_sender_events_total{sender="few"}' 500
ok '  in how many requests' sample_is \
	'logrecv_sender_requests_total{sender="web"}' 6
ok '  and of what size' test "$(scrape \
	'logrecv_sender_bytes_total{sender="thin"}')" -gt 200000

exec 3<>"/dev/tcp/127.0.0.1/$PORT"
ask() {
	request '{"open":1}' "Authorization: Bearer $1" >&3
	read -r _ CODE _ <&3
	while read -r line && [ "$line" != $'\r' ]; do
		[[ $line != Content-Length* ]] || length=${line//[!0-9]/}
	done <&3
	read -r -N "$length" _ <&3
}
ask first-token
is "$CODE" 200 'a connection that is kept open'
printf 'web:next-token\nfew:few-token\n' >"$tokens"
ok 'the file is read anew on SIGHUP' reload 'the tokens were read anew' 1
ask first-token
is "$CODE" 401 'a token that is not there any more, on the same connection'
ask next-token
is "$CODE" 200 'and one that is new'
answers 200 'a rate that is not there any more' 'Bearer few-token'
printf 'web:third-token\nshop\n' >"$tokens"
ok 'a file that is wrong is told of, with the line' \
	reload 'error logrecv: .*line 2: .*going on with the last ones' 1
answers 200 'the tokens are those from before' 'Bearer next-token'
answers 401 'all of them' 'Bearer third-token'
rm "$tokens"
ok 'so is one that has gone' reload 'No such file.*going on with the last' 1
answers 200 'and nothing changes' 'Bearer next-token'
stop logrecv
is "$STATUS" 0 'it ends with status 0'
not_ok 'no token is in its log' grep -E '(first|next|third)-token' \
	"$DIR/logrecv.log"

printf 'a:x\nb:y speed=1\n' >"$tokens"
run logrecv --spool "$SPOOL" --listen=127.0.0.1:0 --token-file="$tokens"
is "$STATUS" 78 'at the start a wrong file is an error'
like "$ERR" "$tokens: line 2: 'speed=1'" 'with the line'
# A pipe, as a shell makes of <(decrypt tokens), has them but once.
mkfifo "$DIR/pipe"
printf 'web:piped-token\n' >"$DIR/pipe" &
logrecv_start --workers=1 --token-file="$DIR/pipe"
answers 200 'tokens may come by a pipe' 'Bearer piped-token'
ok 'which is not waited for on SIGHUP' reload \
	"read $DIR/pipe anew: it is no regular file .going on with the last" 1
answers 200 'and nothing changes' 'Bearer piped-token'
stop logrecv
is "$STATUS" 0 'it ends with status 0'
run logrecv --spool "$SPOOL" --token-file="$DIR/missing"
is "$STATUS" 78 'so is one that is missing'
run logrecv --spool "$SPOOL" --token-file="$tokens" --sender-member='"'
is "$STATUS" 64 'and a member that cannot be'
printf 'a:x\n' >"$tokens"
chmod 644 "$tokens"
NAME=open logrecv_start --workers=1 --token-file="$tokens" --listen=0.0.0.0:0
ok 'a token that all of this machine can read is told of' \
	wait_log open "--token-file $tokens: others may read"
ok 'and that it can be read on its way, too' \
	wait_log open 'read the tokens: there is no encryption'
stop open
done_testing
