#!/usr/bin/env bash
# --max-body, --max-event, --max-depth and --max-header: what is as large as
# the limit is taken, a byte more is refused by its name, and the next request
# is taken again.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# event BYTES: an event of that size
event() {
	printf '{"a":"%0*d"}' "$(($1 - 8))" 0
}

# chunked BODY: a request in chunks of 100 bytes
chunked() {
	local body=$1

	printf 'POST /log HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
	while [ -n "$body" ]; do
		printf '%x\r\n%s\r\n' "${#body}" "$body" | if [ ${#body} -gt 100 ]; then
			printf '64\r\n%s\r\n' "${body:0:100}"
		else
			cat
		fi
		body=${body:100}
	done
	printf '0\r\n\r\n'
}

# refused STATUS OPTION NAME: the last answer names the limit
refused() {
	like "$CODE $BODY" "^$1 \\{\"error\":\"[^\"]*$2[^\"]*\"" "$3"
	before=$(stored | wc -l)
	ok '  the next request is taken' send_event '{"next":1}'
	is "$(stored | wc -l)" "$((before + 1))" '  and stored alone'
}

spool_new
logrecv_start --workers=1 --max-body=1000 --max-event=500 --max-depth=10 \
	--max-header=1000

two="$(event 499) $(event 500)"
post "[${two/ /}" # not JSON, as long as the limit
is "$CODE" 400 'a body as long as --max-body is looked at'
post "$(event 499)"$'\n'"$(event 500)"
is "$CODE" 200 'and taken'
post "$(event 499)"$'\n'"$(event 500) "
refused 413 --max-body 'a byte more'
post "$(event 100)$(printf '%0300000d' 0)"
refused 413 --max-body 'far more'

chunked "$(event 499)"$'\n'"$(event 500)" >"$DIR/fits"
is "$(http_codes -n 1 "$PORT" <"$DIR/fits")" 200 'in chunks, as long as the limit'
chunked "$(event 499)"$'\n'"$(event 500) " >"$DIR/over"
CODE=$(http_codes "$PORT" <"$DIR/over")
BODY=$(http_raw "$PORT" <"$DIR/over" | tail -n 1)
refused 413 --max-body 'in chunks, a byte more'
sed '1s,/log,/logs,' "$DIR/over" >"$DIR/elsewhere"
is "$(http_codes "$PORT" <"$DIR/elsewhere")" 404 'which is no reason where it is not taken'
printf 'POST /log HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n' >"$DIR/endless"
for _ in $(seq 1 2000); do printf '64\r\n%0100d\r\n' 0; done >>"$DIR/endless"
CODE=$(http_codes "$PORT" <"$DIR/endless")
BODY=$(http_raw "$PORT" <"$DIR/endless" | tail -n 1)
refused 413 --max-body 'in chunks without end'

post "$(event 500)"
is "$CODE" 200 'an event as long as --max-event'
post "$(event 501)"
refused 413 --max-event 'a byte more'
post "[$(event 501),5]"
refused 413 --max-event 'those of an array'
like "$BODY" accepted 'one after the other' # of the next request

post "{\"a\":$(printf '%.0s[' 1 2 3 4 5 6 7 8 9)$(printf '%.0s]' 1 2 3 4 5 6 7 8 9)}"
is "$CODE" 200 'an event as deep as --max-depth'
post "{\"a\":$(printf '%.0s[' 1 2 3 4 5 6 7 8 9 0)$(printf '%.0s]' 1 2 3 4 5 6 7 8 9 0)}"
refused 400 --max-depth 'one more'
post "{\"a\":$(printf '%0400d' 0 | tr 0 '[')"
refused 400 --max-depth 'far more'

# The head of what curl sends is of another size each time: by hand.
# head BYTES: a request whose head has that many
head_of() {
	local rest='POST /log HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nX: \r\n\r\n'

	# shellcheck disable=SC2059
	rest=$(printf "$rest" | wc -c)
	printf 'POST /log HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nX: %0*d\r\n\r\n{}' \
		"$(($1 - rest))" 0
}
head_of 1000 >"$DIR/fits"
is "$(http_codes -n 1 "$PORT" <"$DIR/fits")" 200 'a header as long as --max-header'
head_of 1001 >"$DIR/over"
CODE=$(http_codes "$PORT" <"$DIR/over")
BODY=$(http_raw "$PORT" <"$DIR/over" | tail -n 1)
refused 431 --max-header 'a byte more'
{ printf 'POST /'; printf '%0100000d' 0; } >"$DIR/over"
CODE=$(http_codes "$PORT" <"$DIR/over")
BODY=$(http_raw "$PORT" <"$DIR/over" | tail -n 1)
refused 431 --max-header 'a request line without end'
{ printf 'POST /log HTTP/1.1\r\nHost: a\r\n'; for i in $(seq 1 500); do printf 'X%d: y\r\n' "$i"; done; printf '\r\n'; } >"$DIR/over"
CODE=$(http_codes "$PORT" <"$DIR/over")
BODY=$(http_raw "$PORT" <"$DIR/over" | tail -n 1)
refused 431 --max-header 'many small fields'
{
	printf 'POST /log HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n'
	for i in $(seq 1 500); do printf 'X%d: y\r\n' "$i"; done
	printf '\r\n'
} >"$DIR/over"
CODE=$(http_codes "$PORT" <"$DIR/over")
BODY=$(http_raw "$PORT" <"$DIR/over" | tail -n 1)
refused 431 --max-header 'a trailer over it'

ok 'nothing is in flight at the end' wait_for sample_is logrecv_in_flight_bytes 0
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
