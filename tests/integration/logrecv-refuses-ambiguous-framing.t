#!/usr/bin/env bash
# What a proxy could read otherwise than we do is refused and the connection
# closed: nothing behind it is taken for a request, and nothing is stored.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

smuggled='POST /log HTTP/1.1\r\nHost: a\r\nContent-Length: 14\r\n\r\n{"smuggled":1}'
L='POST /log HTTP/1.1\r\n'
P="${L}Host: a\\r\\n"
C="${P}Transfer-Encoding: chunked\\r\\n\\r\\n"
B='Content-Length: 2\r\n\r\n{}'

# refused STATUS NAME FORMAT: with one answer, and nothing after it
refused() {
	raw "$3$smuggled"
	is "$CODES $STATUS" "$1 0" "$2"
	like "$ANSWERS" $'\nConnection: close\n' '  says that it is closed' ||
		return
	# What it stored would be removed, to see the next one alone.
	nothing_stored || {
		fail "  stored: $(stored | tr '\n' ' ')"
		rm -f "$SPOOL"/buffer/*
	}
}

spool_new
logrecv_start --workers=1 --max-body=10kB

refused 400 'a space before the request line' " $P$B"
refused 400 'two spaces after the method' "POST  /log HTTP/1.1\\r\\nHost: a\\r\\n$B"
refused 400 'a tab in the request line' "POST\\t/log HTTP/1.1\\r\\nHost: a\\r\\n$B"
refused 400 'two spaces before the version' "POST /log  HTTP/1.1\\r\\nHost: a\\r\\n$B"
refused 400 'a space after the version' "POST /log HTTP/1.1 \\r\\nHost: a\\r\\n$B"
refused 400 'no version, as in HTTP/0.9' "POST /log\\r\\nHost: a\\r\\n$B"
refused 400 'a malformed version' "POST /log HTTP/1.1x\\r\\nHost: a\\r\\n$B"
refused 400 'a version in small letters' "POST /log http/1.1\\r\\nHost: a\\r\\n$B"
refused 400 'a version of two digits' "POST /log HTTP/1.10\\r\\nHost: a\\r\\n$B"
refused 505 'HTTP/2' "POST /log HTTP/2.0\\r\\nHost: a\\r\\n$B"
refused 505 'HTTP/0' "POST /log HTTP/0.9\\r\\nHost: a\\r\\n$B"
refused 505 'the preface of HTTP/2' 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
refused 400 'the start of TLS' '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'
refused 400 'a NUL in the method' "PO\\0ST /log HTTP/1.1\\r\\nHost: a\\r\\n$B"
refused 400 'a NUL in the target' "POST /lo\\0g HTTP/1.1\\r\\nHost: a\\r\\n$B"
refused 400 'a fragment in the target' "POST /log#x HTTP/1.1\\r\\nHost: a\\r\\n$B"
refused 400 'a target that is no path' "POST log HTTP/1.1\\r\\nHost: a\\r\\n$B"
refused 400 'bytes over 127 in the target' "POST /l\\xc3\\xb6g HTTP/1.1\\r\\nHost: a\\r\\n$B"

refused 400 'LF alone after the request line' "POST /log HTTP/1.1\\nHost: a\\r\\n$B"
refused 400 'LF alone after a field' "${L}Host: a\\nContent-Length: 2\\r\\n\\r\\n{}"
refused 400 'LF alone as the empty line' "${P}Content-Length: 2\\r\\n\\n{}"
refused 400 'LF alone everywhere' 'POST /log HTTP/1.1\nHost: a\nContent-Length: 2\n\n{}'
refused 400 'LF alone before the request' "\\n$P$B"
refused 400 'CR alone in a value' "${P}X: a\\rContent-Length: 0\\r\\n$B"
refused 400 'CR alone before CR LF' "${P}X: a\\r\\r\\n$B"
refused 400 'CR alone in the request line' "POST /log\\r HTTP/1.1\\r\\nHost: a\\r\\n$B"

refused 400 'a space before a colon' "${P}Content-Length : 2\\r\\n\\r\\n{}"
refused 400 'a tab before a colon' "${P}Content-Length\\t: 2\\r\\n\\r\\n{}"
refused 400 'a space before Transfer-Encoding'"'s colon" \
	"${P}Transfer-Encoding : chunked\\r\\n$B"
refused 400 'a folded field' "${P}X: a\\r\\n b\\r\\n$B"
refused 400 'a field folded with a tab' "${P}X: a\\r\\n\\tb\\r\\n$B"
refused 400 'a folded Transfer-Encoding' \
	"${P}Transfer-Encoding:\\r\\n chunked\\r\\n\\r\\n0\\r\\n\\r\\n"
refused 400 'a space before the first field' "$L Host: a\\r\\n$B"
refused 400 'a field without a colon' "${P}Nonsense\\r\\n$B"
refused 400 'a field without a name' "${P}: x\\r\\n$B"
refused 400 'a space in a name' "${P}Content Length: 2\\r\\n\\r\\n"
refused 400 'a NUL in a name' "${P}X\\0: a\\r\\n$B"
refused 400 'a NUL in a value' "${P}X: a\\0b\\r\\n$B"
refused 400 'a control character in a value' "${P}X: a\\x01b\\r\\n$B"
refused 400 'DEL in a value' "${P}X: a\\x7fb\\r\\n$B"
refused 400 'bytes over 127 in a name' "${P}X\\xe9: a\\r\\n$B"

refused 400 'no Host' "$L$B"
refused 400 'two Hosts' "${P}Host: a\\r\\n$B"
refused 400 'two other Hosts' "${P}host: b\\r\\n$B"
refused 400 'two Hosts in HTTP/1.0' \
	"POST /log HTTP/1.0\\r\\nHost: a\\r\\nHost: b\\r\\nConnection: keep-alive\\r\\n$B"
refused 400 'a Host with a space' "${L}Host: a b\\r\\n$B"
refused 400 'a Host that is a list' "${L}Host: a, b\\r\\n$B"
refused 400 'a Host with a path' "${L}Host: a/b\\r\\n$B"
refused 400 'a Host with a user' "${L}Host: u@a\\r\\n$B"

refused 400 'two Content-Lengths' "${P}Content-Length: 2\\r\\nContent-Length: 3\\r\\n\\r\\n{}"
refused 400 'two equal ones' "${P}Content-Length: 2\\r\\nContent-Length: 2\\r\\n\\r\\n{}"
refused 400 'a list of them' "${P}Content-Length: 2, 2\\r\\n\\r\\n{}"
refused 400 'an empty one' "${P}Content-Length:\\r\\n\\r\\n{}"
refused 400 'one with a plus' "${P}Content-Length: +2\\r\\n\\r\\n{}"
refused 400 'one with a minus' "${P}Content-Length: -2\\r\\n\\r\\n{}"
refused 400 'a hexadecimal one' "${P}Content-Length: 0x2\\r\\n\\r\\n{}"
refused 400 'one with a point' "${P}Content-Length: 2.0\\r\\n\\r\\n{}"
refused 400 'one of two words' "${P}Content-Length: 2 2\\r\\n\\r\\n{}"
refused 400 'one in quotes' "${P}Content-Length: \"2\"\\r\\n\\r\\n{}"
refused 400 'one with a vertical tab' "${P}Content-Length: \\v2\\r\\n\\r\\n{}"
refused 413 'one over 32 bits' "${P}Content-Length: 4294967298\\r\\n\\r\\n{}"
refused 413 'one over 64 bits' "${P}Content-Length: 18446744073709551618\\r\\n\\r\\n{}"
refused 413 'one far over 64 bits' \
	"${P}Content-Length: 340282366920938463463374607431768211458\\r\\n\\r\\n{}"

T="${P}Transfer-Encoding:"
refused 400 'Content-Length and chunked' \
	"${P}Content-Length: 2\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n"
refused 400 'chunked and Content-Length' \
	"$T chunked\\r\\nContent-Length: 5\\r\\n\\r\\n0\\r\\n\\r\\n"
refused 400 'an unknown transfer coding' "$T x\\r\\n$B"
refused 400 'an unknown one with a length' "$T x\\r\\nContent-Length: 2\\r\\n\\r\\n{}"
refused 400 'identity' "$T identity\\r\\n$B"
refused 400 'an empty Transfer-Encoding' "$T\\r\\n$B"
refused 400 'chunked in quotes' "$T \"chunked\"\\r\\n\\r\\n0\\r\\n\\r\\n"
refused 400 'chunked after a vertical tab' "$T \\vchunked\\r\\n\\r\\n0\\r\\n\\r\\n"
refused 400 'chunked with a parameter' "$T chunked;q=1\\r\\n\\r\\n0\\r\\n\\r\\n"
refused 400 'nearly chunked' "$T xchunked\\r\\n\\r\\n0\\r\\n\\r\\n"
refused 400 'chunked twice' "$T chunked, chunked\\r\\n\\r\\n0\\r\\n\\r\\n"
refused 400 'chunked twice, in two fields' \
	"$T chunked\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n"
refused 400 'chunked, but not last' "$T chunked, identity\\r\\n\\r\\n0\\r\\n\\r\\n"
refused 400 'chunked, then another field' \
	"$T chunked\\r\\nTransfer-Encoding: x\\r\\n\\r\\n0\\r\\n\\r\\n"
refused 501 'gzip before chunked' "$T gzip, chunked\\r\\n\\r\\n0\\r\\n\\r\\n"
refused 400 'chunked in HTTP/1.0' \
	'POST /log HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n'

refused 400 'a chunk size that is none' "${C}x\\r\\n{}\\r\\n0\\r\\n\\r\\n"
refused 400 'no chunk size' "$C\\r\\n{}\\r\\n0\\r\\n\\r\\n"
refused 400 'a chunk size with 0x' "${C}0x2\\r\\n{}\\r\\n0\\r\\n\\r\\n"
refused 400 'with a plus' "${C}+2\\r\\n{}\\r\\n0\\r\\n\\r\\n"
refused 400 'with a minus' "${C}-2\\r\\n{}\\r\\n0\\r\\n\\r\\n"
refused 400 'with a space before it' "${C} 2\\r\\n{}\\r\\n0\\r\\n\\r\\n"
refused 400 'with a space behind it' "${C}2 \\r\\n{}\\r\\n0\\r\\n\\r\\n"
refused 400 'with a NUL' "${C}2\\0\\r\\n{}\\r\\n0\\r\\n\\r\\n"
refused 400 'ended by LF alone' "${C}2\\n{}\\r\\n0\\r\\n\\r\\n"
refused 400 'ended by CR alone' "${C}2\\r{}\\r\\n0\\r\\n\\r\\n"
refused 413 'over 64 bits' "${C}10000000000000002\\r\\n{}\\r\\n0\\r\\n\\r\\n"
refused 413 'a chunk larger than any body' "${C}ffffffffffffff0\\r\\n$(printf '%011000d' 0)"
refused 400 'an extension with an LF' "${C}2;x\\ny\\r\\n{}\\r\\n0\\r\\n\\r\\n"
refused 400 'an extension with a NUL' "${C}2;x\\0\\r\\n{}\\r\\n0\\r\\n\\r\\n"
refused 400 'an extension without a name' "${C}2;\\r\\n{}\\r\\n0\\r\\n\\r\\n"
refused 400 'a chunk longer than its size' "${C}2\\r\\n{}x\\r\\n0\\r\\n\\r\\n"
refused 400 'a chunk without its line end' "${C}2\\r\\n{}0\\r\\n\\r\\n"
refused 400 'a chunk ended by LF alone' "${C}2\\r\\n{}\\n0\\r\\n\\r\\n"
refused 400 'a chunk ended by CR alone' "${C}2\\r\\n{}\\r0\\r\\n\\r\\n"
refused 400 'the last chunk ended by LF' "${C}2\\r\\n{}\\r\\n0\\n\\r\\n"
refused 400 'a body ended by LF' "${C}2\\r\\n{}\\r\\n0\\r\\n\\n"
refused 400 'a trailer without a colon' "${C}2\\r\\n{}\\r\\n0\\r\\nX\\r\\n\\r\\n"
refused 400 'a folded trailer' "${C}2\\r\\n{}\\r\\n0\\r\\nX: y\\r\\n z\\r\\n\\r\\n"
refused 400 'a trailer with a space before its colon' \
	"${C}2\\r\\n{}\\r\\n0\\r\\nX : y\\r\\n\\r\\n"
refused 400 'a trailer with a NUL' "${C}2\\r\\n{}\\r\\n0\\r\\nX: \\0\\r\\n\\r\\n"
refused 417 'an expectation that is not known' "${P}Expect: x\\r\\n$B"
refused 415 'two content codings' \
	"${P}Content-Encoding: x\\r\\nContent-Encoding: y\\r\\n$B"

ok 'nothing was ever stored' nothing_stored
ok 'and it takes events' send_event '{"good":1}'
is "$(texts)" '{"good":1}' 'that one alone'
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
