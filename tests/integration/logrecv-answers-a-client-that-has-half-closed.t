#!/usr/bin/env bash
# A client may close its sending side behind its last request (as nc -N and
# some libraries do) and still gets every answer; half a request gets none.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

spool_new
logrecv_start --workers=1
RAW=(-s)
request '{"a":1}' >"$DIR/.one"
raw "$(sed 's/%/%%/g' "$DIR/.one")"
is "$CODES $STATUS" '200 0' 'one request'
for i in $(seq 1 300); do
	request "{\"i\":$i}"
	get /healthz
done >"$DIR/many"
is "$(http_codes -s "$PORT" <"$DIR/many" | wc -w)" 600 \
	'600 of them, pipelined'
is "$(lines buffer)" 301 'are all stored'
{
	printf 'POST /log HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
	printf '7\r\n{"a":2}\r\n0\r\n\r\n'
} >"$DIR/chunked"
is "$(http_codes -s "$PORT" <"$DIR/chunked")" 200 'a chunked one'

before=$(stored)
printf 'POST /log HTTP/1.1\r\nHost: a\r\n' >"$DIR/half"
is "$(http_raw -s "$PORT" <"$DIR/half"; echo "$?")" 0 \
	'half a head ends the connection'
request '{"a":3}' | head -c -1 >"$DIR/half"
is "$(http_raw -s "$PORT" <"$DIR/half"; echo "$?")" 0 'so does half a body'
head -c -3 "$DIR/chunked" >"$DIR/half"
is "$(http_raw -s "$PORT" <"$DIR/half"; echo "$?")" 0 \
	'and chunks without an end'
: >"$DIR/none"
is "$(http_raw -s "$PORT" <"$DIR/none"; echo "$?")" 0 'and nothing at all'
{
	request '{"a":4}'
	request '{"a":5}' | head -c -1
} >"$DIR/half"
is "$(http_codes -s "$PORT" <"$DIR/half")" 200 \
	'a whole request before half a one is answered'
is "$(texts | tail -n 1)" '{"a":4}' 'and stored, but not the half one'
is "$(stored | wc -l)" "$(($(printf '%s\n' "$before" | wc -l) + 1))" \
	'nor any other'
ok 'no connection is left' wait_for sample_is logrecv_connections 0
ok 'nor bytes in flight' wait_for sample_is logrecv_in_flight_bytes 0
done_testing
