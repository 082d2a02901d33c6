#!/usr/bin/env bash
# The strict parser refuses nothing that RFC 9110 and 9112 allow a client.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# takes FORMAT NAME [CODES]: a request with the body {} is stored, once
takes() {
	local before
	before=$(lines buffer)
	RAW=(-n 1)
	raw "$1"
	is "$CODES $(($(lines buffer) - before))" "${3:-200} 1" "$2"
}

spool_new
logrecv_start --workers=1
log='POST /log HTTP/1.1\r\n'
rest='Host: a\r\nContent-Length: 2\r\n\r\n{}'

takes "$log$rest" 'a plain request'
takes "\\r\\n$log$rest" 'an empty line before it'
takes "\\r\\n\\r\\n\\r\\n$log$rest" 'three of them'
takes "POST http://a/log HTTP/1.1\\r\\n$rest" 'absolute-form'
takes "POST HTTP://other.example:8080/log HTTP/1.1\\r\\n$rest" \
	'absolute-form with another host, scheme in capitals'
takes "POST https://[2001:db8::1]:443/log?x HTTP/1.1\\r\\n$rest" \
	'absolute-form with an IPv6 address and a query'
takes "POST /log?x=%%20&y=/?:@!\$'()*+,;=-._~ HTTP/1.1\\r\\n$rest" \
	'a query of all that it may be'
takes "${log}Host:a\\r\\nContent-Length:2\\r\\n\\r\\n{}" \
	'no space after a colon'
takes "${log}Host: \\t a \\t\\r\\nContent-Length: \\t2\\t \\r\\n\\r\\n{}" \
	'white space around values'
takes "${log}HOST: a\\r\\ncontent-length: 2\\r\\n\\r\\n{}" \
	'field names in any case'
takes "${log}Host:\\r\\nContent-Length: 2\\r\\n\\r\\n{}" 'an empty Host'
takes "${log}Host: [::1]:8080\\r\\nContent-Length: 2\\r\\n\\r\\n{}" \
	'an IPv6 address as Host'
takes "${log}X-Empty:\\r\\nX: caf\\xc3\\xa9 \\xff\\r\\n$rest" \
	'empty fields, and bytes that are not ASCII'
takes "${log}!#\$%%&'*+-.^_\`|~: x\\r\\n$rest" 'a name of all that it may be'
takes "${log}Host: a\\r\\nContent-Length: 00002\\r\\n\\r\\n{}" 'a length with zeros'
takes "${log}X: 1\\r\\nX: 2\\r\\nAccept: */*\\r\\nCookie: a=b\\r\\n$rest" \
	'other fields, repeated'
takes "POST /log HTTP/1.2\\r\\n$rest" 'a later minor version'
takes "${log}Transfer-Encoding: CHUNKED\\r\\nHost: a\\r\\n\\r\\n2\\r\\n{}\\r\\n0\\r\\n\\r\\n" \
	'chunked in capitals'
takes "${log}Transfer-Encoding: , chunked,\\r\\nHost: a\\r\\n\\r\\n2\\r\\n{}\\r\\n0\\r\\n\\r\\n" \
	'a list with empty elements'
takes "${log}Upgrade: h2c\\r\\nConnection: Upgrade, HTTP2-Settings\\r\\nHTTP2-Settings: x\\r\\n$rest" \
	'an upgrade that is not taken up'
takes "${log}TE: trailers\\r\\nTrailer: X\\r\\n$rest" 'TE and Trailer'

takes 'POST /log HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}' 'HTTP/1.0'
like "$ANSWERS" $'\nConnection: close\n' 'is closed after it'
is "$STATUS" 0 'by the server'
takes 'POST /log HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\n{}' \
	'HTTP/1.0 with keep-alive'
like "$ANSWERS" $'\nConnection: keep-alive\n' 'is told that it is kept'
RAW=()
raw 'GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /healthz HTTP/1.0\r\n\r\nGET /healthz HTTP/1.0\r\n\r\n'
is "$CODES $STATUS" '200 200 0' 'and then closed when it does not ask again'

RAW=()
raw "${log}Connection: x, Close\\r\\n$rest$log$rest"
is "$CODES $STATUS" '200 0' '"Connection: close" ends it, with no second one'
like "$ANSWERS" $'\nConnection: close\n' 'and says so'

RAW=()
raw "HEAD /healthz HTTP/1.1\\r\\nHost: a\\r\\n\\r\\nHEAD /nothing HTTP/1.1\\r\\nHost: a\\r\\n\\r\\nOPTIONS * HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n${log}Connection: close\\r\\n$rest"
like "$(printf '%s' "$ANSWERS" | paste -s -d '|' -)" \
	'^HTTP/1.1 200 [^{]*HTTP/1.1 404 [^{]*HTTP/1.1 404 [^{]*\{[^}]*\}HTTP/1.1 200 [^{]*\{"accepted":1\}$' \
	'answers to HEAD have no body'
like "$ANSWERS" $'^HTTP/1.1 200 OK\n([^\n]+\n)*Content-Length: 15\n' \
	'but its length'

# A GET may have a body, which means nothing.
RAW=(-n 2)
raw "GET /healthz HTTP/1.1\\r\\n$rest$log$rest"
is "$CODES" '200 200' 'a GET with a body'

# As slow as can be.
for form in "$log$rest" "\\r\\n\\r\\n$log$rest" \
	"POST http://a/log HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 2\\r\\n\\r\\n{}"; do
	RAW=(-n 1 -b 1)
	raw "$form"
	is "$CODES" 200 'a byte at a time'
done
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
