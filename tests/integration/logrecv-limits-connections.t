#!/usr/bin/env bash
# Once --max-connections are taken, the longest idle one of the address that has
# most gives way: nobody keeps the others out by holding connections. Where none
# is idle a client is told so and sent away, and is taken when one has left.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# connect COUNT: that many connections, open until `stop clients`; one line on
# its stdout for each that the server ends, with its number
connect() {
	rm -f "$DIR/clients.out"
	start clients perl -MIO::Socket::INET -MIO::Select -e '
		$| = 1;
		my ($port, $count) = @ARGV;
		my $select = IO::Select->new;
		for my $i (1 .. $count) {
			my $s = IO::Socket::INET->new(
			    PeerAddr => "127.0.0.1:$port") or die;
			# It has been accepted once it was answered.
			syswrite($s, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
			sysread($s, my $answer, 65536);
			$answer =~ /^HTTP\/1.1 200/ or die $answer;
			$select->add([$s, $i]);
		}
		print STDERR "connected\n";
		while (1) {
			for my $ready ($select->can_read) {
				print "$ready->[1]\n" if !sysread($ready->[0], my $x, 9);
				$select->remove($ready);
			}
			sleep 1 if !$select->count;
		}' "$PORT" "$1"
	wait_log clients '^connected' || give_up 'cannot connect'
}

ended() {
	[ "$(paste -s -d ' ' "$DIR/clients.out")" = "$1" ]
}

# turned_away: is one more client, which sends nothing, refused?
turned_away() {
	http_raw -t 2 "$PORT" </dev/null >"$DIR/answer"
	[ -s "$DIR/answer" ]
}

spool_new
faults_start --workers=1 --max-connections=20
connect 20
for i in 1 2 3; do
	ok "client $i over the limit is served" send_event "{\"i\":$i}"
done
ok 'the longest idle one gave way, no other' wait_for ended 1
connections_end() {
	sample_is 'logrecv_ended_connections_total{reason="connections"}' 1
}
ok 'it is counted' wait_for connections_end
stop clients

# Heads that drip are no sign of life.
start drips perl -MIO::Socket::INET -e '
	$SIG{PIPE} = "IGNORE";
	my @s = map { IO::Socket::INET->new(LocalAddr => "127.0.0.2",
	    PeerAddr => "127.0.0.1:$ARGV[0]") or die } 1 .. 20;
	syswrite $_, "GET /healthz HTTP/1.1\r\nX: " for @s;
	for my $round (1 .. 600) {
		syswrite $_, "x" for @s;
		print STDERR "dripping\n" if $round == 10;
		select undef, undef, undef, 0.1;
	}' "$PORT"
wait_log drips '^dripping' || give_up 'nothing drips'
for i in 4 5 6; do
	ok "client $i is served where 20 heads drip" send_event "{\"i\":$i}"
done
stop drips KILL

# Nobody is idle: all wait for the disk.
: >"$FAULTS/hold"
for i in $(seq 1 20); do
	start "busy$i" curl -q -sS -o "$DIR/busy$i.answer" -d '{}' "$URL/log"
done
ok 'where all are busy one more is turned away' wait_for turned_away
like "$(tr -d '\r' <"$DIR/answer")" \
	$'^HTTP/1.1 503 Service Unavailable\n' 'with a 503'
like "$(tr -d '\r' <"$DIR/answer")" $'\nRetry-After: [0-9]+\n' 'and Retry-After'
like "$(tr -d '\r' <"$DIR/answer")" $'\nConnection: close\n' 'is told that it is over'
like "$(tail -n 1 "$DIR/answer")" '\{"error":".*--max-connections' 'and why'
is "$(sed 's/^Content-Length: *//p;d' "$DIR/answer" | tr -d '\r')" \
	"$(sed '1,/^\r$/d' "$DIR/answer" | wc -c)" 'in a body of the length it says'
rm "$FAULTS/hold"
for i in $(seq 1 20); do
	wait_exit "busy$i"
done
is "$(cat "$DIR"/busy*.answer | grep -o '"accepted":1' | wc -l)" 20 \
	'those who were busy are answered'
ok 'when they have left, others are taken' wait_for send_event '{}'
ok 'the gauge says so' wait_for sample_is logrecv_connections 0
connect 19
ok 'a place is left for one' send_event '{}'
ok 'and nobody has to give way' ended ''
stop clients

stop logrecv
is "$STATUS" 0 'it ends with status 0'
num "$(metric logrecv 'logrecv_refused_total{reason="connections"}')" -ge 1 \
	'they are counted'
done_testing
