#!/usr/bin/env bash
# Behind a bad event the next one is found: behind the next line break, or, where
# an object stands on several lines, at the next line that begins with '{'. And
# events are taken in the forms that people have them in.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# takes BODY GOOD BAD NAME: so many accepted and rejected, and stored
takes() {
	local before bad='' want

	before=$(stored | wc -l)
	post "$1"
	[ "$3" -eq 0 ] || bad=",\"rejected\":$3"
	want="200 {\"accepted\":$2$bad $(($2 + $3))"
	is "$CODE ${BODY%%[\},]\"errors*} $(($(stored | wc -l) - before))" \
		"${want/ $(($2 + $3))/$([ "$3" -gt 0 ] || printf '}')} $(($2 + $3))" "$4"
}

e1='{"n":1}' e2='{"n":2}' e3='{"n":3}'
spool_new
logrecv_start --workers=1

takes $'\xef\xbb\xbf'"$e1"$'\n'"$e2" 2 0 'a byte order mark'
takes "$e1$e2 $e3" 3 0 'one behind another'
takes $'\x1e'"$e1"$'\n\x1e'"$e2"$'\n' 2 0 'a sequence by RFC 7464'
takes "$e1"$'\r'"$e2"$'\r' 2 0 'lines that end in CR'
takes $'{\n "n": 1\n}\n{\n "n": 2\n}\n' 2 0 'pretty-printed ones'
printf '%s\n\0' "$e1" >"$DIR/nul"
http POST /log --data-binary "@$DIR/nul"
is "$CODE $BODY" '200 {"accepted":1}' 'a NUL at the end'

takes "$e1"$'\noops\n'"$e2"$'\n' 2 1 'a line that is none'
takes "$e1"$'\r\n{"n":}\r\n\r\n'"$e2" 2 1 'one that is not quite'
takes "$e1"$'\n{"n":"cut\n'"$e2"$'\n{"n":\n' 2 2 'some that were cut short'
takes "$e1"$'\n{"n":2,"o":{"p":3}\n'"$e2"$'\n' 2 1 'even between two members'
takes "$e1"'{"n":}'"$e2$e3" 1 1 'without a line break the rest is one'
takes $'{\n "n": oops,\n "o": [\n  {\n  }\n ]\n}\n'"$e2"$'\n' 1 1 \
	'an object of several lines is one'
takes $'{"n": oops,\n "o": 1\n}\n'"$e2"$'\n' 1 1 \
	'also if its first line is at fault'
takes $'\x1e{"n":\x1e'"$e1"$'\x1e{"n":\n' 1 2 'a sequence knows its own begin'
takes "$e1,"$'\n'"$e2,"$'\n'"$e3"$'\n' 3 2 'commas are no events'
deep=$(printf '[%.0s' {1..40})$(printf ']%.0s' {1..40})
takes "{\"d\":$deep}$e1"$'\n'"{\"d\":$deep}"$'\n'"$e2" 2 2 \
	'what is too deep ends where it does'
takes "[$e1,5,{\"d\":$deep},$e2]" 2 2 'in an array each ends where it does'

# However bad a body is, it is gone through in a time that nobody else feels.
perl -e 'print "{}\n", "x\n" x 4_900_000' >"$DIR/lines"
perl -e 'print "{}\n", "{\"a\":[\n" x 1_400_000' >"$DIR/objects"
perl -e 'print "{}\n", ("{\"a\":" . "[" x 40 . "\n") x 200_000' >"$DIR/deep"
perl -e 'print "{}\n", "{\"a\":[" x 1_400_000, "\n"' >"$DIR/line"
perl -e 'print "{}\n", "{\"a\":\n" x 30, "1,\n" x 3_000_000' >"$DIR/open"
for body in lines objects deep line open; do
	took=$(now_ms)
	http POST /log --data-binary "@$DIR/$body"
	took=$(($(now_ms) - took))
	is "$CODE $(stored | tail -n 1 | cut -c 1)" '200 [' "many bad $body"
	note "$body: $took ms"
	num "$took" -lt "$((2000 * WAIT_SCALE))" '  are soon gone through'
done
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
