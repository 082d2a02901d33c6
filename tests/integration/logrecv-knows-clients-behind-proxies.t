#!/usr/bin/env bash
# Whose event it is: a header of the PROXY protocol says so where one must come,
# and X-Forwarded-For or Forwarded where the proxy is trusted; nobody else is
# believed. What is told goes into the event, in place of what a client wrote.
# shellcheck disable=SC2016 # the code in quotes is Perl
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# clients: the member of each event stored so far, in a line; forgets them
clients() {
	stored | sed 's/.*"@client":"\([^"]*\)".*/\1/' | paste -s -d ' ' -
	rm -f "$SPOOL"/buffer/*
}

# refused N: does it count so many that are refused for their header?
refused() {
	sample_is 'logrecv_refused_total{reason="proxy"}' "$1"
}

spool_new
NAME=plain logrecv_start --workers=1
post '{"@client":"forged"}' -H 'X-Forwarded-For: 198.51.100.7'
is "$(texts)" '{"@client":"forged"}' 'by default nothing is added or taken out'
raw 'PROXY TCP4 198.51.100.7 127.0.0.1 1 2\r\n'"$(request '{}')"
is "$CODES" 400 'nor is a header of a proxy understood'
stop plain

spool_new
sock=$DIR/sock
logrecv_start --workers=1 --client-member=@client --request-timeout=1s \
	--listen=127.0.0.1:0,proxy --listen="unix:$sock"
proxied=$(log_since logrecv | sed -n 's/.* listening address=127.*:\([0-9]*\) .*/\1/p' |
	tail -n 1)
post '{"@client":"forged","a":{"@client":"inner"}}' \
	-H 'X-Forwarded-For: 198.51.100.7' -H 'Forwarded: for=198.51.100.7'
like "$(stored)" '^\{"a":\{"@client":"inner"\},"@client":"127.0.0.1","@received_at":"[^"]*"\}$' \
	'the address takes the place of what the client wrote'
clients >/dev/null
http POST /log -d '{}' --unix-socket "$sock"
is "$(clients)" unix 'a socket in the file system has none'

PORT=$proxied
one=$(request '{"n":1}')
v2='\r\n\r\n\0\r\nQUIT\n'
for case in 'TCP4 198.51.100.7 127.0.0.1 1 2|198.51.100.7' \
	'TCP6 2001:db8::1 ::1 1 2|2001:db8::1' 'UNKNOWN|127.0.0.1' \
	'UNKNOWN what ever|127.0.0.1'; do
	raw "PROXY ${case%|*}\\r\\n$one$(request '{"n":2}' 'Connection: close')"
	is "$CODES $(clients)" "200 200 ${case#*|} ${case#*|}" "PROXY ${case%|*}"
done
ipv4='\xc6\x33\x64\x07\x7f\0\0\1\0\1\0\2'
for case in "\\x21\\x11\\0\\x0c$ipv4|198.51.100.7" \
	"\\x21\\x11\\0\\x13$ipv4\\x04\\0\\x04test|198.51.100.7" \
	"\\x20\\x11\\0\\x0c$ipv4|127.0.0.1" '\x20\0\0\0|127.0.0.1'; do
	raw "$v2${case%|*}$(request '{"n":1}' 'Connection: close')"
	is "$CODES $(clients)" "200 ${case#*|}" "version 2: ${case%|*}"
done
RAW=(-b 1)
raw "PROXY TCP4 198.51.100.7 127.0.0.1 1 2\\r\\n$(request '{}' 'Connection: close')"
is "$CODES $(clients)" '200 198.51.100.7' 'a byte at a time'
RAW=()

ok 'none of them was refused' refused 0
for bad in "$one" 'PROXY TCP4 198.51.100.7\r\n'"$one" "$v2"'\x31\x11\0\x0c' \
	"$v2\\x21\\x11\\xff\\xff"; do
	raw "$bad"
	is "$STATUS $ANSWERS" '0 ' "closed without an answer: ${bad:0:20}"
done
ok 'which is counted' wait_for refused 4
RAW=(-s)
raw 'PROXY TCP4 198'
is "$STATUS $ANSWERS" '0 ' 'so is what ends in the middle'
ok '  and counted' wait_for refused 5
raw ''
RAW=()
raw 'PROXY TCP4 198'
is "$STATUS $ANSWERS" '0 ' 'and what does not come in time'
ok '  and counted; a look whether the port is open is not' wait_for refused 6
raw "PROXY UNKNOWN\\r\\nPOST /log HTTP/1.1\\r\\n"
is "$CODES" 408 'a request has its own time'
nothing_stored || clients >/dev/null

stop logrecv
is "$STATUS" 0 'it ends with status 0'

# --- those that are trusted

# told CLIENT NAME FIELD...: the event of a request with these fields is of him
told() {
	local want=$1 name=$2 fields=() field

	shift 2
	for field in "$@"; do fields+=(-H "$field"); done
	post '{}' "${fields[@]}"
	is "$CODE $(clients)" "200 $want" "$name"
}
spool_new
logrecv_start --workers=1 --drain-timeout=1m --client-member=@client \
	--listen="unix:$sock" \
	--listen=127.0.0.1:0,proxy --trust-proxy=127.0.0.0/8,2001:db8::/32 \
	--trust-proxy=10.0.0.1
told 198.51.100.7 'a trusted proxy is believed' 'X-Forwarded-For: 198.51.100.7'
told 127.0.0.1 'where it says nothing, it is the client'
told 198.51.100.7 'the last one that is not trusted counts' \
	'X-Forwarded-For: 6.6.6.6' 'X-Forwarded-For: 198.51.100.7, 10.0.0.1'
told 10.0.0.2 'not one behind that' 'X-Forwarded-For: 198.51.100.7, 10.0.0.2'
told 198.51.100.9 'Forwarded says the same' \
	'Forwarded: for=6.6.6.6, for="198.51.100.9:80";proto=https'
told 127.0.0.1 'what differs is not believed' 'Forwarded: for=6.6.6.6' \
	'X-Forwarded-For: 198.51.100.7'
http POST /log -d '{}' --unix-socket "$sock" -H 'X-Forwarded-For: 198.51.100.7'
is "$(clients)" unix 'a socket in the file system is not trusted unasked'
PORT=$(log_since logrecv | sed -n 's/.* listening address=127.*:\([0-9]*\) .*/\1/p' |
	tail -n 1)
for from in 2001:db8::5=198.51.100.7 2001:db9::5=2001:db9::5; do
	raw "PROXY TCP6 ${from%=*} ::1 1 2\\r\\n$(
		request '{}' 'X-Forwarded-For: 198.51.100.7' 'Connection: close')"
	is "$CODES $(clients)" "200 ${from#*=}" "${from%=*} by the PROXY protocol"
done

# Many clients of one proxy's connection, and each is itself.
{
	for i in $(seq 1 200); do
		request '{}' "X-Forwarded-For: 198.51.$((i % 3)).$i"
	done
} >"$DIR/many"
http_raw -n 200 "$(log_since logrecv | sed -n '1s/.*address=127.*:\([0-9]*\) .*/\1/p')" \
	<"$DIR/many" >"$DIR/many.out"
is "$(clients | tr ' ' '\n' | sort -u | wc -l)" 200 'each request has its own'
ok 'nothing is in flight' wait_for sample_is logrecv_in_flight_bytes 0

# It stops without waiting for a header that does not come.
start silent perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die;
	print STDERR "connected\n";
	sysread $s, my $x, 1' "$PORT"
wait_log silent connected
ok 'one that is silent is there' wait_for sample_is logrecv_connections 1
stop logrecv
is "$STATUS" 0 'it ends with status 0'
wait_exit silent
done_testing
