#!/usr/bin/env bash
# A client that sends far ahead, whatever its requests wait for, is not read
# for a while; the other clients of its worker do not notice.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# takes_in: has it an event that it has not synced yet?
takes_in() {
	[ "$(scrape logrecv_in_flight_bytes)" -gt 0 ]
}

# ahead NAME [PORT] <BYTES: while the sync of another one's event takes long, they
# are sent, and no answer is read
ahead() {
	cat >"$DIR/ahead"
	: >"$FAULTS/hold"
	start first curl -q -sS -o "$DIR/first.answer" -d '{"first":1}' "$URL/log"
	wait_for takes_in || give_up 'the first event does not arrive'
	start ahead perl -MIO::Socket::INET -e '
		open(my $f, "<", $ARGV[1]) or die;
		my $data = do { local $/; <$f> };
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ARGV[0]")
		    or die;
		$s->blocking(0);
		my ($sent, $still) = (0, 0);
		while ($sent < length $data && $still < 20) {
			my $n = syswrite($s, $data, 65536, $sent);
			if ($n) { $sent += $n; $still = 0; next }
			last if !defined $n && !$!{EAGAIN};
			$still++;
			select(undef, undef, undef, 0.01);
		}
		print STDERR "sent $sent\n";
		sleep 60' "${2:-$PORT}" "$DIR/ahead"
	wait_log ahead '^sent ' || give_up 'cannot send'
	rm "$FAULTS/hold"
	post '{"other":1}' --max-time "$((5 * WAIT_SCALE))"
	is "$CODE" 200 "$1: another one is served"
	wait_exit first
	stop ahead KILL
}

# each OPTION: all the ways to send ahead, with a server of this option
each() {
	spool_new
	faults_start --workers=1 "$1"
	note "with $1"
	ahead '600 kB of events' <"$DIR/events"
	ahead '600 kB behind an answer that waits for an event' <"$DIR/held"
	ahead '600 kB behind the last request' <"$DIR/last"
	ahead '2000 requests whose answers are not read' "$ADMIN_PORT" \
		<"$DIR/unread"
	ok 'its connections end' wait_for sample_is logrecv_connections 0
	ok 'nothing is in flight' wait_for sample_is logrecv_in_flight_bytes 0
	stop logrecv
	is "$STATUS" 0 'it ends with status 0'
}

for i in $(seq 1 600); do
	request "{\"i\":$i,\"pad\":\"$(printf '%01000d' 0)\"}"
done >"$DIR/events"
{
	request '{"a":1}'
	get /healthz
	head -c 600000 /dev/zero
} >"$DIR/held"
{
	request '{"a":1}' 'Connection: close'
	head -c 600000 /dev/zero
} >"$DIR/last"
{
	for i in $(seq 1 2000); do get /metrics; done
	head -c 600000 /dev/zero
} >"$DIR/unread"

# The largest header has a say in how far ahead is read.
each --max-header=256
each --max-header=16KiB
each --max-header=128KiB
done_testing
