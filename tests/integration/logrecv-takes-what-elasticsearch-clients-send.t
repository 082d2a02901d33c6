#!/usr/bin/env bash
# Whoever sends to Elasticsearch's bulk interface changes a URL: an item tells
# what became of each action, in their order, and a bad one harms no other.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# bulk PATH BODY WANT NAME: the status and body of the answer
bulk() {
	http POST "$1/_bulk" --data-binary "$2" \
		-H 'Content-Type: application/x-ndjson'
	is "$CODE $BODY" "$3" "$4"
}

# adds NAME: the lines since the last call are those of standard input
adds() {
	is "$(texts | tail -n "+$((seen + 1))")" "$(cat)" "$1"
	seen=$(texts | wc -l)
}

# error REASON OFFSET: the body of a 400
error() {
	local why="\"type\":\"illegal_argument_exception\",\"reason\":\"$1\""

	printf '400 {"error":{"root_cause":[{%s}],%s,"event":0,"offset":%d},"status":400}' \
		"$why" "$why" "$2"
}

seen=0
spool_new
logrecv_start --workers=1

bulk '' '{"create":{"_index":"i","_id":"1"}}
{"a":1}

{ "index" : { "_type":"_doc", "_id":"\u0031" } }
 {"b":2} ' '200 {"took":0,"errors":false,"items":[{"create":{"_index":"i","_id":"1","result":"created","status":201}},{"index":{"_id":"\u0031","result":"created","status":201}}]}' \
	'what creates a document is taken'
http HEAD /_bulk --head
is "$CODE" 200 'and a client may ask first'
bulk /logs-a '{"index":{"_id":2}}
{"_id":1,"x":{"_index":0}}
{"create":{"_index":"j"}}
{}' '200 {"took":0,"errors":false,"items":[{"index":{"_id":2,"_index":"logs-a","result":"created","status":201}},{"create":{"_index":"j","result":"created","status":201}}]}' \
	'an index in the path is that of actions without one'
bulk '/%3Clogs-%7bnow%2Fd%7D%3E%22+%c3%A4' '{"create":{}}
{}' '200 {"took":0,"errors":false,"items":[{"create":{"_index":"<logs-{now/d}>\"+ä","result":"created","status":201}}]}' \
	'one that had to be encoded is what it was'
for index in %4 %zz a%00 %7F%0a; do
	bulk "/$index" '{"create":{}}
{}' "$(error "the path's index has a % without two digits, or a control character" 0)" \
		"and $index is none"
done
bulk /%ff '{"create":{}}
{}' "$(error 'a text is not UTF-8' 0)" 'nor is what is not UTF-8'
adds 'index and id are in the events' <<'END'
{"a":1,"_index":"i","_id":"1"}
{"b":2,"_id":"\u0031"}
{"_id":1,"x":{"_index":0},"@_id":2,"_index":"logs-a"}
{"_index":"j"}
{"_index":"<logs-{now/d}>\"+ä"}
END

bad='"status":400,"error":{"type":"document_parsing_exception","reason":'
not='"status":400,"error":{"type":"illegal_argument_exception","reason":"of actions only create and index are taken"}}}'
bulk '' '{"create":{}}
{oops}
{"delete":{"_id":"3"}}
{"update":{"_id":"4"}}
{"doc":{}}
{"create":{}}
{"a":1}
{"create":{}}
{} {}
' "200 {\"took\":0,\"errors\":true,\"items\":[{\"create\":{$bad\"expected a name in quotes\"}}},{\"delete\":{\"_id\":\"3\",$not,{\"update\":{\"_id\":\"4\",$not,{\"create\":{\"result\":\"created\",\"status\":201}},{\"create\":{$bad\"more text after the document on its line\"}}}]}" \
	'bad ones are errors of items'
adds 'and are put aside' <<'END'
["expected a name in quotes",15,"{oops}"]
["of actions only create and index are taken",21,"{\"delete\":{\"_id\":\"3\"}}"]
["of actions only create and index are taken",44,"{\"update\":{\"_id\":\"4\"}}\u000a{\"doc\":{}}"]
{"a":1}
["more text after the document on its line",117,"{} {}"]
END
bulk '' $'{"create":{}}\n1\n' \
	"200 {\"took\":0,\"errors\":true,\"items\":[{\"create\":{$bad\"an event must be an object\"}}}]}" \
	'though none is good'
for body in '{"a":{}}' '{}' 'x' '[]'; do
	bulk '' "$body" \
		"$(error 'expected an action: create, index, update or delete' 0)" \
		"no action: $body"
done
bulk '' '{"create":1}' "$(error "expected '{' after an action" 10)" 'an odd one'
bulk '' '{"create":{}}' "$(error 'the action has no document' 0)" 'half of one'
bulk '' $'{"create":{}},\n{}' \
	"$(error "expected '}' and the end of the line" 12)" 'more on its line'
bulk '' '' "$(error 'the body is empty' 0)" 'nothing'
adds 'and none of it is stored' </dev/null

http GET /
like "$CODE $BODY" '^200 .*"version":\{"number":"8\.' 'it has a version'
like "$BODY" '"ways_in":\["POST /log",.*"POST /_bulk",' 'and names the ways in'
like "$(tr -d '\r' <"$HEADERS")" $'\nX-Elastic-Product: Elasticsearch\n' \
	'and says what it is'
http POST /_bulk -H 'Content-Encoding: odd' -d x
like "$CODE $(cat "$HEADERS") $BODY" '^415 .*X-Elastic-Product.*"status":415\}$' \
	'in a refusal, too'
http GET /_license
like "$CODE $BODY" '^200 .*"status":"active"' 'Beats find a license'
http GET /a/b/_bulk
is "$CODE" 404 'a name has no slash'

# A body that makes a long answer of little text needs room for it.
(
	for _ in $(seq 40000); do printf '{"create":{}}\n1\n'; done
	printf '{"create":{}}\n{}\n'
) >"$DIR/many"
http POST /_bulk --data-binary "@$DIR/many"
is "$CODE $(grep -o '"status":' <<<"$BODY" | wc -l)" '200 40001' 'many items'
is "$(texts | tail -n 1)" '{}' 'the good one of them is stored'
seen=$(texts | wc -l)
stop logrecv
logrecv_start --workers=1 --max-in-flight=4MB
http POST /_bulk --data-binary "@$DIR/many"
like "$CODE $BODY" '^413 .*--max-in-flight' 'is refused where there is none'
ok 'and nothing is held' wait_for sample_is logrecv_in_flight_bytes 0

# Real clients, where there are any.
cat >"$DIR/client.js" <<'END'
const { Client } = require('@elastic/elasticsearch');
const c = new Client({ node: process.argv[2] });
c.helpers.bulk({
	datasource: [{ n: 1 }, { n: 2 }],
	onDocument: () => ({ create: { _index: 'node' } }),
}).then((s) => console.log(`${s.successful} ${s.failed}`));
END
if node -e 'require("@elastic/elasticsearch")' 2>"$DIR/node.err"; then
	run node "$DIR/client.js" "$URL"
	is "$STATUS $OUT" '0 2 0' 'the client for Node is content'
	adds 'its documents are events' <<'END'
{"n":1,"_index":"node"}
{"n":2,"_index":"node"}
END
else
	pass 'node # SKIP no @elastic/elasticsearch of npm in NODE_PATH'
fi
cat >"$DIR/client.py" <<'END'
import sys
from elasticsearch import Elasticsearch, helpers

print(helpers.bulk(
    Elasticsearch([sys.argv[1]]),
    [{"_index": "py", "_source": {"n": n}} for n in (1, 2)]))
END
if /usr/bin/python3 -c 'import elasticsearch' 2>"$DIR/python.err"; then
	run /usr/bin/python3 "$DIR/client.py" "$URL"
	is "$STATUS $OUT" '0 (2, [])' 'the client for Python is content'
	adds 'its documents are events' <<'END'
{"n":1,"_index":"py"}
{"n":2,"_index":"py"}
END
else
	pass 'python # SKIP no python3-elasticsearch'
fi
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
