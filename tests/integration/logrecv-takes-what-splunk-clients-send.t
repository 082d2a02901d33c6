#!/usr/bin/env bash
# Whoever sends to Splunk's HTTP Event Collector changes a URL: batches, answers
# and their codes are Splunk's, and of what an envelope says nothing is lost.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# hec PATH BODY WANT NAME: the status and body of the answer
hec() {
	http POST "/services/collector$1" --data-binary "$2"
	is "$CODE $BODY" "$3" "$4"
}

# adds NAME: the lines since the last call are those of standard input
adds() {
	is "$(texts | tail -n "+$((seen + 1))")" "$(cat)" "$1"
	seen=$(texts | wc -l)
}

seen=0
done='200 {"text":"Success","code":0}'
spool_new
logrecv_start --workers=1 --max-event=300 --client-member=index

hec '' '{"time":1.5,"host":"h","event":{"a":1}}{"event":{"b":2}, "source" :"s"}
{"event":{},"sourcetype":"t","fields":{"x":
"y"}}[' "$done" 'a batch, with white space and without'
adds 'has its events, with what the envelope says' <<'END'
{"a":1,"time":1.5,"host":"h","index":"127.0.0.1"}
{"b":2,"source":"s","index":"127.0.0.1"}
{"sourcetype":"t","fields":{"x": "y"},"index":"127.0.0.1"}
["more text after the event on its line",121,"["]
END
hec /event '[{"event":"text","host":"h"},{"event":{"in":"array"}}]' "$done" \
	'an array'
hec /event/1.0 '{"event":{"a":{"host":1},"host":"own"},"host":"h","index":"i"}' \
	"$done" 'names that the event has too'
hec '' '{"event":{"a":1},"odd":2}{"event":[1],"host":1}{"host":1,"host":2,"event":{}}' \
	"$done" 'what no event can be given'
adds 'nothing of it is lost' <<'END'
{"event":"text","host":"h","index":"127.0.0.1"}
{"in":"array","index":"127.0.0.1"}
{"a":{"host":1},"host":"own","@host":"h","@index":"i","index":"127.0.0.1"}
{"event":{"a":1},"odd":2,"index":"127.0.0.1"}
{"event":[1],"host":1,"index":"127.0.0.1"}
{"host":1,"host":2,"event":{},"index":"127.0.0.1"}
END

hec '' '' '400 {"text":"No data","code":5}' 'nothing'
hec '' '{"host":"h"}' '400 {"text":"Event field is required","code":12,"invalid-event-number":0}' \
	'no event'
for blank in '""' null; do
	hec '' "{\"event\":$blank}" \
		'400 {"text":"Event field cannot be blank","code":13,"invalid-event-number":0}' \
		"a blank one: $blank"
done
hec '' '{"event":1' \
	"400 {\"text\":\"Invalid data format\",\"code\":6,\"invalid-event-number\":0,\"error\":\"expected ',' or '}'\"}" \
	'no JSON'
hec '' "{\"event\":{},\"host\":\"$(printf '%0400d' 0)\"}" \
	'413 {"text":"Request entity too large","code":27,"invalid-event-number":0,"error":"the event is over --max-event (300 bytes)"}' \
	'too large with its envelope'
http POST /services/collector -H 'Content-Encoding: odd' -d '{"event":1}'
like "$CODE $BODY" '^415 .*"code":6,' 'a refusal before the body is one of Splunk'
adds 'and none of it is stored' </dev/null

hec '/raw?channel=1&host=a%22%C3%a9&source=s+x&host=2&time=%3' $'one "1"\r\n \n\ttwo' \
	"$done" 'raw lines'
adds 'are events, with what the query says' <<'END'
{"event":"one \"1\"","host":"a\"é","source":"s x","time":"%3","index":"127.0.0.1"}
{"event":"\u0009two","host":"a\"é","source":"s x","time":"%3","index":"127.0.0.1"}
END
RAW=(-n 1 -b 7)
raw 'POST /services/collector/raw?host=h HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\n4\r\n\xff\nc\n\r\n0\r\n\r\n'
like "$ANSWERS" '200 OK.*"Success"' 'in pieces, too, for which the query waits'
adds 'and what is not UTF-8 is put aside' <<'END'
{"event":"a","host":"h","index":"127.0.0.1"}
["the line is not UTF-8",2,"Yv8=","base64"]
{"event":"c","host":"h","index":"127.0.0.1"}
END
long=$(printf '%0301d' 0)
hec /raw "$long"$'\na' "$done" 'a line over --max-event'
adds 'is put aside as it came' <<END
["the event is over --max-event (300 bytes); 300 of its 301 bytes are kept",0,"${long:1}"]
{"event":"a","index":"127.0.0.1"}
END
hec /raw $' \n' '400 {"text":"No data","code":5}' 'no line'

http OPTIONS /services/collector/event/1.0
is "$CODE" 200 "Docker's driver finds the collector"
for path in health health/1.0; do
	http GET "/services/collector/$path"
	is "$CODE $BODY" '200 {"text":"HEC is healthy","code":17}' "$path"
done
hec /ack '{"acks":[1]}' '400 {"text":"ACK is disabled","code":14}' \
	'acknowledgements are in the answers'

stop logrecv
is "$STATUS" 0 'it ends with status 0'
logrecv_start --workers=1 --bad=refuse --min-free=1000TB
http GET /services/collector/health
like "$CODE $BODY" '^503 .*"code":18,' 'with a full disk it is not healthy'
hec '' '{"event":1}' "$CODE {\"text\":\"Server is busy\",\"code\":9,${BODY#*\"code\":18,}" \
	'and busy'
stop logrecv
logrecv_start --workers=1 --bad=refuse
hec '' '{"event":1}{"event":2}{}' \
	'400 {"text":"Event field is required","code":12,"invalid-event-number":2}' \
	'one that refuses all is told by its number'

stop logrecv
(
	umask 077
	printf 'app:0123456789abcdef0123\nother:0123456789abcdef4567 ways=log\n' >"$DIR/tokens"
)
logrecv_start --workers=1 --token-file="$DIR/tokens"
# token FIELD WANT: what one with this in Authorization is told
token() {
	http POST /services/collector -d '{"event":1}' ${1:+-H "Authorization: $1"}
	like "$CODE $BODY" "^$2(,|\})" "Authorization: $1"
}
token '' '401 \{"text":"Token is required","code":2'
token 'Splunk wrong' '403 \{"text":"Invalid token","code":4'
token 'Splunk 0123456789abcdef4567' '403 \{"text":"Token disabled","code":1'
token 'Splunk 0123456789abcdef0123' '200 \{"text":"Success","code":0'

# The library for Node, where there is one.
cat >"$DIR/client.js" <<'END'
const { Logger } = require('splunk-logging');
const l = new Logger({ token: process.argv[3], url: process.argv[2], maxBatchCount: 2 });
l.error = (e) => { console.error(e); process.exit(1); };
l.send({ message: { text: 'one', n: 1 }, metadata: { host: 'h', source: 's' } });
l.send({ message: 'two', severity: 'warn' }, (err, resp, body) => {
	console.log(body.code);
});
END
if node -e 'require("splunk-logging")' 2>"$DIR/node.err"; then
	run node "$DIR/client.js" "$URL/services/collector/event/1.0" \
		0123456789abcdef0123
	is "$STATUS $OUT" '0 0' "Splunk's library for Node is content"
	like "$(texts | tail -n 2)" '"text":"one".*"source":"s".*"two"' \
		'and its events are there'
else
	pass 'node # SKIP no splunk-logging of npm in NODE_PATH'
fi
stop logrecv
done_testing
