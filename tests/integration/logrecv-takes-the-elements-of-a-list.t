#!/usr/bin/env bash
# Many send their events in a list of an object, and cannot be told otherwise:
# with the list's name in the URL each element is an event, good or bad by itself.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# each NAME BODY WANT NAME: the status and body of the answer
each() {
	http POST "/log?x=1&each=$1" --data-binary "$2"
	is "$CODE $BODY" "$3" "$4"
}

# adds NAME: the lines since the last call are those of standard input
adds() {
	is "$(texts | tail -n "+$((seen + 1))")" "$(cat)" "$1"
	seen=$(texts | wc -l)
}

seen=0
spool_new
logrecv_start --workers=1 --max-depth=2 --max-event=40

each items '{"kind":"EventList","items":[{"a":1}, {"b":[
]}],"metadata":{"x":[1]}}' '200 {"accepted":2}' 'an audit log of Kubernetes'
each logs '{"logs":[{"level":"info"}]}
{"logs":[{"level":"warn"}]}' '200 {"accepted":2}' 'two of pino, a line each'
each Rec%6Frds '[{"Records":[{}]},{"Records":[{"c":3}]}]' '200 {"accepted":2}' \
	'an array of them'
each items '{"items":[]}' '200 {"accepted":0}' 'an empty list'
for end in '' '/?timeout=30s'; do
	http POST "/log/each/it+%65ms$end" -d '{"it+ems":[{"d":4}]}'
	is "$CODE $BODY" '200 {"accepted":1}' "the name in the path$end"
done
http POST /log/each/a+b -d '{"a b":[],"a+b":[{"e":5}]}'
is "$CODE $BODY" '200 {"accepted":1}' 'where a + is one'
http POST /log/each/a%zz -d '{"a%zz":[{"e":5}]}'
is "$CODE $BODY" '400 {"error":"the path'"'"'s name has a % without two digits, or a control character","event":0,"offset":0}' \
	'and a % has digits'
http POST '/log?each=' -d '{"items":[]}'
is "$CODE" 200 'no name is none'
adds 'each element is an event, as it came' <<'END'
{"a":1}
{"b":[ ]}
{"level":"info"}
{"level":"warn"}
{}
{"c":3}
{"d":4}
{"d":4}
{"e":5}
{"items":[]}
END

long=$(printf '%040d' 0)
each items "{\"items\":[1,{\"a\":{\"b\":{}}},{\"a\":\"$long\"},{\"a\":2}]}{\"item\":[]}{\"items\":[{\"a\":3}]}" \
	'200 {"accepted":2,"rejected":4,"errors":[{"error":"an event must be an object","event":0,"offset":10},{"error":"nested over --max-depth (2)","event":1,"offset":22},{"error":"the event is over --max-event (40 bytes)","event":2,"offset":27},{"error":"it has no list of the name that the URL says","event":4,"offset":85}]}' \
	'bad elements and bad lists'
adds 'harm no others' <<END
["an event must be an object",10,"1"]
["nested over --max-depth (2)",22,"{\"a\":{\"b\":{}}}"]
["the event is over --max-event (40 bytes); 40 of its 48 bytes are kept",27,"{\"a\":\"${long:6}"]
{"a":2}
["it has no list of the name that the URL says",85,"{\"item\":[]}"]
{"a":3}
END
each items '{"items":[{"a":1},2' \
	"400 {\"error\":\"expected ',' or ']'\",\"event\":0,\"offset\":19}" 'half a list'
each items '{"items":{}}' \
	'400 {"error":"it has no list of the name that the URL says","event":0,"offset":0}' \
	'no list'
each items '{"items":[{"a":1}],"items":[{"a":2}]}' \
	'400 {"error":"it has several lists of the name that the URL says","event":0,"offset":0}' \
	'two lists, of which one would be lost'
each items '[1]' '400 {"error":"an event must be an object","event":0,"offset":1}' \
	'no object'
stop logrecv
logrecv_start --workers=1 --bad=refuse
each items '{"items":[{"a":1},2]}' \
	'400 {"error":"an event must be an object","event":1,"offset":18}' \
	'one that refuses all is told by its place'
adds 'and nothing is stored' </dev/null
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
