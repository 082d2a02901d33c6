#!/usr/bin/env bash
# While the disk does not answer, or slow clients send large bodies, memory is
# bounded by --max-in-flight: who comes over it gets a 503 at once, and all is
# well again when the disk is.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# post_in_background NAME BODY
post_in_background() {
	start "$1" curl -q -sS -o "$DIR/$1.answer" -d "$2" "$URL/log"
}

in_flight_over() {
	[ "$(scrape logrecv_in_flight_bytes)" -gt "$1" ]
}

# answered TEXT: prints how many clients got it
answered() {
	cat "$DIR"/client*.answer 2>/dev/null | grep -o "$1" | wc -l
}

is_refused() {
	[ "$(answered '"error"')" -ge 1 ]
}

spool_new
faults_start --workers=1 --max-in-flight=40kB
: >"$FAULTS/hold"
for i in $(seq 1 12); do
	post_in_background "client$i" "{\"i\":$i,\"pad\":\"$(printf '%05000d' 0)\"}"
done
ok 'events wait for the disk' wait_for in_flight_over 20000
ok 'and some are refused meanwhile' wait_for is_refused
post "{\"pad\":\"$(printf '%020000d' 0)\"}"
like "$CODE $BODY" '^503 \{"error":"[^"]*--max-in-flight[^"]*40000' \
	'a large one is refused, by the name of the limit'
ok 'with Retry-After' grep -qi '^Retry-After: [0-9]' "$HEADERS"
num "$(scrape logrecv_in_flight_bytes)" -le 40000 'the limit is kept'
is "$(answered accepted)" 0 'nothing is acknowledged before its sync'
rm "$FAULTS/hold"
for i in $(seq 1 12); do
	wait_exit "client$i"
done
num "$(answered '{"accepted":1}')" -ge 3 'those who waited are answered'
is "$(($(answered accepted) + $(answered '"error":"[^"]*--max-in-flight')))" 12 \
	'and the others were told why not'
ok 'all is given back' wait_for sample_is logrecv_in_flight_bytes 0
ok 'and events are taken again' \
	send_event "{\"pad\":\"$(printf '%05000d' 0)\"}"
is "$(stored | wc -l)" "$(($(answered accepted) + 1))" \
	'what was refused is not stored'

# Bodies on their way count, too, and are given back when the client goes.
start slow perl -MIO::Socket::INET -e '
	my @s;
	for (1 .. 6) {
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ARGV[0]");
		syswrite($s, "POST /log HTTP/1.1\r\nHost: a\r\n" .
		    "Content-Length: 6000\r\n\r\n" . "x" x 4900);
		push @s, $s;
	}
	sleep 1 while 1' "$PORT"
ok 'half bodies are in flight' wait_for in_flight_over 24000
post "{\"pad\":\"$(printf '%020000d' 0)\"}"
is "$CODE" 503 'over the limit again'
stop slow KILL
ok 'they are given back when their clients go' \
	wait_for sample_is logrecv_in_flight_bytes 0
ok 'and events are taken again' \
	send_event "{\"pad\":\"$(printf '%05000d' 0)\"}"

stop logrecv
is "$STATUS" 0 'it ends with status 0'
num "$(metric logrecv 'logrecv_refused_total{reason="in-flight"}')" -ge 2 \
	'the refused are counted'
done_testing
