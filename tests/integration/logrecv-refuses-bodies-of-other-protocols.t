#!/usr/bin/env bash
# A client that speaks another protocol to /log would believe that all is well:
# it is told the right path, and what only looks alike is an event as ever.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# foreign PATH BODY: it is refused, and this is where it belongs
foreign() {
	post "$2"
	like "$CODE $BODY" "^400 \{\"error\":\"[^\"]*: its path is $1\",\"event\":0,\"offset\":0\}" \
		"$1: ${2//$'\n'/ }"
}

# event BODY: it is taken
event() {
	post "$1"
	is "$CODE" 200 "taken: ${1//$'\n'/ }"
}

spool_new
logrecv_start --workers=1

for body in '{"index":{"_index":"i","_id":"1"}}' '{"create":{}}' \
	'{ "index" : {"_index":"i","pipeline":"p"} }' '{"index":{"routing":"r"}}' \
	'{"update":{"_id":"1","retry_on_conflict":3}}'; do
	foreign /_bulk "$body"$'\n{"a":1}\n'
done
foreign /_bulk '{"delete":{"_index":"i","_id":"1"}}'
foreign /v1/logs '{"resourceLogs":[{"resource":{"attributes":[]},"scopeLogs":[{"logRecords":[]}]}]}'
foreign /v1/logs ' {"resourceLogs":[ {"scopeLogs":[],"schemaUrl":""}]}
{"resourceLogs":[]}'
foreign /loki/api/v1/push '{"streams":[{"stream":{"a":"b"},"values":[["1","x"]]}]}'
foreign /loki/api/v1/push '{"streams":[{"labels":"{a=\"b\"}","entries":[]}]}'
ok 'nothing of it is stored' nothing_stored
ok 'it is counted' wait_for sample_is 'logrecv_refused_total{reason="unfit"}' 10

event '{"index":{"_index":"i"},"a":1}'
event '{"index":{"_index":"i","other":1}}'
event '{"index":{}}'
event '{"delete":{}} {"a":1}'
event '{"index":{"routing":"r"}}'
event '{"index":1}'
event '{"create":[]}'
event $'{"a":1}\n{"index":{"_index":"i"}}\n{"b":1}'
event '[{"index":{"_index":"i"}}]'
event '{"resourceLogs":[]}'
event '{"resourceLogs":[{"scopeLogs":[]}],"a":1}'
event '{"resourceLogs":[{"scopeLogs":[],"a":1}]}'
event '{"resourceLogs":{"scopeLogs":[]}}'
event '{"streams":[{"stream":{}}]}'
event '{"streams":["values"]}'
event '{"event":{"a":1},"time":1,"host":"h"}'
event '{"inde'$'\n{}'
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
