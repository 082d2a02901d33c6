#!/usr/bin/env bash
# --idle-timeout ends a connection without a request, --request-timeout answers
# 408 to one that never comes to its end, however it drips; a connection that
# works is not disturbed by either.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# drip SECONDS PERIOD FORMAT: sends a byte of it each PERIOD seconds and prints
# the time to the end of the connection in tenths of seconds, and the statuses
drip() {
	perl -MIO::Socket::INET -MIO::Select -MTime::HiRes=time -e '
		$SIG{PIPE} = "IGNORE";
		my ($port, $most, $period, $data) = @ARGV;
		$data =~ s/\\r/\r/g;
		$data =~ s/\\n/\n/g;
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;
		my ($began, $got, $at) = (time, "", 0);
		my $select = IO::Select->new($s);
		while (time - $began < $most) {
			if ($at < length $data) {
				syswrite($s, substr($data, $at++, 1)) or last;
			}
			next if !$select->can_read($period);
			sysread($s, $got, 65536, length $got) or last;
		}
		printf "%d %s\n", (time - $began) * 10,
		    join " ", $got =~ /^HTTP\/1\.1 (\d+)/mg' "$PORT" "$@"
}

# ends_after TENTHS STATUS NAME PERIOD FORMAT: within 1.5 s of that, and not
# before. All of them drip at the same time.
ends_after() {
	drips+=("$1|$2|$3")
	drip 9 "$4" "$5" >"$DIR/drip${#drips[@]}" &
	dripping+=("$!")
}

# Judges them, one after the other.
ended() {
	local i tenths status name took codes

	wait "${dripping[@]}"
	for ((i = 0; i < ${#drips[@]}; i++)); do
		IFS='|' read -r tenths status name <<<"${drips[i]}"
		read -r took codes <"$DIR/drip$((i + 1))"
		num "$took" -ge "$((tenths - 1))" "$name is ended, not before its time"
		num "$took" -le "$((tenths + 15 * WAIT_SCALE))" '  nor long after it'
		is "$codes" "$status" "  with the answer '$status'"
	done
}

spool_new
logrecv_start --workers=1 --idle-timeout=1s --request-timeout=2s
P='POST /log HTTP/1.1\r\nHost: a\r\n'
chunked="${P}Transfer-Encoding: chunked\\r\\n\\r\\n"
drips=() dripping=()
ends_after 10 '' 'a connection that sends nothing' 0.05 ''
ends_after 20 408 'half a head' 0.001 "$P"
ends_after 20 408 'a head that drips' 0.2 "$P$(printf '%0100d' 0)"
ends_after 20 408 'half a body' 0.001 "${P}Content-Length: 100\\r\\n\\r\\n{"
ends_after 20 408 'a body that drips' 0.001 \
	"${P}Content-Length: 5000\\r\\n\\r\\n$(printf '%04000d' 0)"
ends_after 20 408 'chunks that drip' 0.02 \
	"$chunked$(for _ in $(seq 1 200); do printf '1\\r\\n \\r\\n'; done)"
ends_after 20 408 'a trailer that drips' 0.02 \
	"${chunked}2\\r\\n{}\\r\\n0\\r\\n$(for _ in $(seq 1 200); do printf 'X: y\\r\\n'; done)"
ends_after 10 200 'a connection that was used' 0.001 \
	'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n'
# Meanwhile, 3 seconds of requests on one connection, with pauses under the
# limits.
perl -MIO::Socket::INET -MTime::HiRes=sleep -e '
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ARGV[0]") or die;
	my $good = 0;
	for my $i (1 .. 12) {
		syswrite($s, "POST /log HTTP/1.1\r\nHost: a\r\n");
		sleep 0.2;
		syswrite($s, "Content-Length: 2\r\n\r\n{}");
		sysread($s, my $answer, 65536);
		$good++ if $answer =~ /^HTTP\/1.1 200/;
		sleep 0.15;
	}
	print $good' "$PORT" >"$DIR/busy" &
dripping+=("$!")
ended

RAW=()
raw "$(printf '%s' "$P" | sed 's/$/Content-Length: 100\\r\\n\\r\\n{/')"
like "$ANSWERS" '\{"error":"[^"]*--request-timeout' 'the 408 names the limit'
like "$ANSWERS" $'\nConnection: close\n' 'and says that it is over'
for half in 'HEAD /log HTTP/1.1\r\nHos' \
	'HEAD /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{'; do
	raw "$half"
	is "$CODES" 408 'a HEAD that is too slow is told so'
	is "$(tail -c 4 "$DIR/.raw.out" | od -An -tx1)" ' 0d 0a 0d 0a' \
		'  by a head alone'
done

is "$(cat "$DIR/busy")" 12 'a connection that works goes on'
is "$(stored | wc -l)" 12 'nothing else was stored'
ok 'no connection is left' wait_for sample_is logrecv_connections 0
ok 'nor bytes in flight' wait_for sample_is logrecv_in_flight_bytes 0
ok 'the slow ones are counted' wait_for sample_is 'logrecv_refused_total{reason="timeout"}' 9
done_testing
