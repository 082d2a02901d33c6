#!/usr/bin/env bash
# Over --max-connections a client is told so and sent away; the others do not
# notice, and when one leaves the next is taken.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# connect COUNT: that many connections, open until `stop clients`
connect() {
	start clients perl -MIO::Socket::INET -e '
		my @s = map { IO::Socket::INET->new(
		    PeerAddr => "127.0.0.1:$ARGV[0]") or die } 1 .. $ARGV[1];
		# Each has been accepted once it was answered.
		for my $s (@s) {
			syswrite($s, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
			sysread($s, my $answer, 65536);
			$answer =~ /^HTTP\/1.1 200/ or die $answer;
		}
		print STDERR "connected\n";
		sleep 1 while 1' "$PORT" "$1"
	wait_log clients '^connected' || give_up 'cannot connect'
}

# turned_away: the bytes that one more client gets, without sending any
turned_away() {
	http_raw "$PORT" </dev/null >"$DIR/answer"
}

spool_new
logrecv_start --max-connections=20
connect 20
turned_away
like "$(tr -d '\r' <"$DIR/answer")" \
	$'^HTTP/1.1 503 Service Unavailable\n' 'one more gets a 503'
like "$(tr -d '\r' <"$DIR/answer")" $'\nRetry-After: [0-9]+\n' 'with Retry-After'
like "$(tr -d '\r' <"$DIR/answer")" $'\nConnection: close\n' 'is told that it is over'
like "$(tail -n 1 "$DIR/answer")" '\{"error":".*--max-connections' 'and why'
is "$(sed 's/^Content-Length: *//p;d' "$DIR/answer" | tr -d '\r')" \
	"$(sed '1,/^\r$/d' "$DIR/answer" | wc -c)" 'in a body of the length it says'
stop clients
ok 'when they have left, others are taken' wait_for send_event '{}'
ok 'the gauge says so' wait_for sample_is logrecv_connections 1
connect 19
ok 'a place is left for one' send_event '{}'
stop clients

stop logrecv
is "$STATUS" 0 'it ends with status 0'
num "$(metric logrecv 'logrecv_refused_total{reason="connections"}')" -ge 1 \
	'they are counted'
done_testing
