#!/usr/bin/env bash
# A compressed body is taken as what it was before, in whatever pieces it comes,
# and nothing of it is stored unless all of it came and its check sums hold.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# pack KIND: compresses its input
pack() {
	case $1 in
	gzip | x-gzip | GZIP) gzip -c ;;
	zstd) zstd -q -c ;;
	deflate) perl -MIO::Compress::Deflate=deflate -e 'deflate(\*STDIN => \*STDOUT)' ;;
	raw) perl -MIO::Compress::RawDeflate=rawdeflate \
		-e 'rawdeflate(\*STDIN => \*STDOUT)' ;;
	esac
}

# send CODING FILE [CURL-OPTION]...
send() {
	http POST /log -H "Content-Encoding: $1" --data-binary "@$2" "${@:3}"
}

# takes NAME FILE CODING [CURL-OPTION]...: it is what is in plain
takes() {
	local before

	before=$(lines buffer)
	send "$3" "$2" "${@:4}"
	is "$CODE $BODY" "200 {\"accepted\":$(wc -l <"$DIR/plain")}" "$1"
	ok '  and stored as it was' cmp <(texts | tail -n "+$((before + 1))") \
		"$DIR/plain"
}

# refused STATUS ERE NAME: was the last request, and is nothing of it stored?
refused() {
	like "$CODE $BODY" "^$1 \\{\"error\":\"[^\"]*$2[^\"]*\"\\}$" "$3"
}

# head_of CODING [LENGTH]: of a request, chunked where no length is given
head_of() {
	printf 'POST /log HTTP/1.1\r\nHost: a\r\nContent-Encoding: %s\r\n' "$1"
	if [ -n "${2-}" ]; then
		printf 'Content-Length: %d\r\n\r\n' "$2"
	else
		printf 'Transfer-Encoding: chunked\r\n\r\n'
	fi
}

spool_new
logrecv_start --workers=1 --max-body=400000

printf '{"i":%d,"text":"one of many"}\n' 1 2 3 >"$DIR/plain"
for kind in gzip x-gzip GZIP zstd deflate raw; do
	pack "$kind" <"$DIR/plain" >"$DIR/$kind"
	takes "$kind" "$DIR/$kind" "${kind/raw/deflate}"
done
{ head -n 1 "$DIR/plain" | gzip; tail -n 2 "$DIR/plain" | gzip -1; } >"$DIR/members"
takes 'two members of gzip' "$DIR/members" gzip
{
	head -n 1 "$DIR/plain" | zstd -q -c
	printf '\x50\x2a\x4d\x18\x03\0\0\0abc'
	tail -n 2 "$DIR/plain" | zstd -q -c
} >"$DIR/frames"
takes 'two frames of zstd, and one to be skipped' "$DIR/frames" zstd
for i in $(seq 1 8000); do
	printf '{"i":%d,"random":"%05d","a":"bcdefgh"}\n' "$i" "$RANDOM"
done >"$DIR/plain"
for kind in gzip zstd deflate raw; do
	pack "$kind" <"$DIR/plain" >"$DIR/large"
	takes "a large one, $kind" "$DIR/large" "${kind/raw/deflate}"
	takes '  in chunks, after 100 Continue' "$DIR/large" "${kind/raw/deflate}" \
		-H 'Transfer-Encoding: chunked' -H 'Expect: 100-continue'
done

# In other formats too, where the path or the query has a say.
printf '{"index":{}}\n{"a":1}\n' | gzip >"$DIR/packed"
http POST /named/_bulk -H 'Content-Encoding: gzip' --data-binary "@$DIR/packed"
like "$CODE $BODY" '^200 .*"errors":false.*"_index":"named"' 'a bulk of a path'
printf '{"items":[{"a":1},{"a":2}]}' | zstd -q -c >"$DIR/packed"
http POST '/log?each=items' -H 'Content-Encoding: zstd' \
	--data-binary "@$DIR/packed"
is "$CODE $BODY" '200 {"accepted":2}' 'a list that the query names'

# One behind another on a connection, cut anywhere.
{
	for kind in gzip zstd deflate; do
		head_of "$kind" "$(wc -c <"$DIR/$kind")"
		cat "$DIR/$kind"
		head_of "$kind"
		printf '%x\r\n' "$(wc -c <"$DIR/$kind")"
		cat "$DIR/$kind"
		printf '\r\n0\r\n\r\n'
	done
	request '{"last":1}'
} >"$DIR/pipelined"
for piece in 1 7 1000; do
	before=$(lines buffer)
	is "$(http_codes -n 7 -b "$piece" "$PORT" <"$DIR/pipelined")" \
		'200 200 200 200 200 200 200' "pipelined, $piece bytes at a time"
	is "$(($(lines buffer) - before))" 19 '  each event is stored'
done

events=$(lines buffer)
size=$(wc -c <"$DIR/gzip")
for cut in 0 1 12 $((size - 8)) $((size - 1)); do
	head -c "$cut" "$DIR/gzip" >"$DIR/cut"
	send gzip "$DIR/cut"
	refused 400 'gzip: it ends too early' "gzip, $cut of its $size bytes"
done
for kind in zstd deflate raw; do
	head -c -1 "$DIR/$kind" >"$DIR/cut"
	send "${kind/raw/deflate}" "$DIR/cut"
	refused 400 'it ends too early' "$kind, but for its last byte"
done
for kind in gzip zstd deflate raw; do
	{ cat "$DIR/$kind"; printf 'more'; } >"$DIR/more"
	send "${kind/raw/deflate}" "$DIR/more"
	refused 400 'something follows its end' "$kind with something behind it"
done
{ cat "$DIR/gzip"; printf '\0'; } >"$DIR/more"
send gzip "$DIR/more"
refused 400 'something follows its end' 'a zero behind it'
# The last four bytes are the length, and the four before them its check sum.
{ head -c -8 "$DIR/gzip"; printf 'xxxx'; tail -c 4 "$DIR/gzip"; } >"$DIR/bad"
send gzip "$DIR/bad"
refused 400 'incorrect data check' 'another check sum'
{ head -c -4 "$DIR/gzip"; printf 'xxxx'; } >"$DIR/bad"
send gzip "$DIR/bad"
refused 400 'incorrect length check' 'another length'
{ head -c -4 "$DIR/zstd"; printf 'xxxx'; } >"$DIR/bad"
send zstd "$DIR/bad"
refused 400 'checksum' "another check sum of zstd's"
send zstd "$DIR/gzip"
refused 400 'zstd: ' 'gzip that says it were zstd'
printf '{"a":1}' >"$DIR/plain"
for kind in gzip deflate zstd; do
	send "$kind" "$DIR/plain"
	refused 400 "$kind: " "plain text that says it were $kind"
done
zstd -q --long=24 -c <"$DIR/plain" >"$DIR/wide"
send zstd "$DIR/wide"
refused 400 'its window is over 8 MiB' 'a window that no client may ask for'
printf '{' | gzip >"$DIR/bad"
send gzip "$DIR/bad"
like "$CODE $BODY" '^400 .*"event":0,"offset":1' \
	'what is wrong inside is told by its place in what was sent'
{
	head_of gzip 4
	printf 'oops'
	request '{"next":1}'
	head_of zstd
	printf '4\r\noops\r\n2\r\n{}\r\n0\r\n\r\n'
	request '{"next":2}'
} >"$DIR/pipelined"
is "$(http_codes -n 4 "$PORT" <"$DIR/pipelined")" '400 200 400 200' \
	'a bad one ends no connection'
events=$((events + 2))

for coding in br 'gzip, gzip' 'identity, gzip' 'gzip, identity' 'gzip;q=1' \
	compress 'gzip,' zst; do
	send "$coding" "$DIR/gzip"
	refused 415 'Content-Encoding' "a Content-Encoding of $coding"
	ok '  with those that are taken' \
		grep -qi $'^Accept-Encoding: gzip, deflate, zstd\r$' "$HEADERS"
done
send gzip "$DIR/gzip" -H 'Content-Encoding: gzip'
is "$CODE" 415 'two fields'

# --max-body is that of what comes out.
printf '{"a":"%0*d"}' 399992 0 >"$DIR/plain"
for kind in gzip zstd deflate raw; do
	pack "$kind" <"$DIR/plain" >"$DIR/most"
	send "${kind/raw/deflate}" "$DIR/most"
	is "$CODE" 200 "$kind, as long as --max-body"
	{ cat "$DIR/plain"; printf ' '; } | pack "$kind" >"$DIR/over"
	send "${kind/raw/deflate}" "$DIR/over"
	refused 413 'decompressed, is over --max-body \(400000' '  and a byte more'
done
events=$((events + 4))
head -c 399992 /dev/urandom | base64 -w 0 | head -c 399992 >"$DIR/random"
{ printf '{"a":"'; cat "$DIR/random"; printf '"}'; } | gzip -1 >"$DIR/most"
send gzip "$DIR/most"
is "$CODE" 200 'what cannot be compressed'
head -c 500000 /dev/urandom >"$DIR/random"
send gzip "$DIR/random"
refused 413 'is over --max-body' 'more bytes than it may have plain'

is "$(lines buffer)" $((events + 1)) 'nothing of what was refused is stored'
ok 'nothing is in flight at the end' wait_for sample_is logrecv_in_flight_bytes 0
stop logrecv
is "$STATUS" 0 'it ends with status 0'
num "$(metric logrecv logrecv_compressed_bytes_total)" -lt \
	"$(($(metric logrecv logrecv_body_bytes_total) / 2))" \
	'the bytes are counted as they came, and as they are'
num "$(metric logrecv 'logrecv_refused_total{reason="content-coding"}')" -ge 30 \
	'and the refused'
done_testing
