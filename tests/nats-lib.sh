# shellcheck shell=bash
#
# nats-lib.sh - real nats-servers for the tests of the replicated stream. Read
# after lib.sh. The program is $NATS_SERVER, or nats-server of PATH, 2.10.23 or
# later; where there is none, the test is skipped.
#
#	nats_start [N]...    starts these of three servers, over their last data;
#	                     SERVERS are logship's options for all of them, and
#	                     MONITORS those for their monitors; SYNC is their
#	                     sync_interval
#	nats_kill N          kill -9
#	nats_ready           waits until the stream may be made or used
#	nats_request SUBJECT [PAYLOAD [HEADER]]   prints the answer
#	nats_messages        prints how many messages the stream has
#	nats_files           prints how many files it has
#	nats_has_none        has it none, but for seals that stay?

# shellcheck disable=SC2034 # SERVERS is the test's

NATS_SERVER=${NATS_SERVER:-$(command -v nats-server)}
nats_version=$("${NATS_SERVER:-false}" --version 2>/dev/null | grep -oE '[0-9.]+$')
if [ "$(printf '%s\n' 2.10.23 "$nats_version" | sort -V | head -n 1)" != 2.10.23 ]; then
	skip_all 'there is no nats-server of 2.10.23 or later (NATS_SERVER=)'
fi
[ -x "$BUILD/logship" ] || skip_all 'logship was not built: libnats is missing'

nats_ports=
for i in 1 2 3 4 5 6 7 8 9; do
	nats_ports+=" $(perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")
		    or die $!;
		print $s->sockport')"
done
# shellcheck disable=SC2206
nats_ports=($nats_ports)
SERVERS=()
MONITORS=()
nats_routes=
for i in 0 1 2; do
	SERVERS+=(--server "nats://127.0.0.1:${nats_ports[i]}")
	MONITORS+=(--monitor "http://127.0.0.1:${nats_ports[i + 6]}")
	nats_routes+="${nats_routes:+, }nats://127.0.0.1:${nats_ports[i + 3]}"
done

nats_start() {
	[ $# -gt 0 ] || set -- 1 2 3
	for n; do
		mkdir -p "$DIR/nats$n"
		cat >"$DIR/nats$n/conf" <<-CONF
			server_name: n$n
			listen: "127.0.0.1:${nats_ports[n - 1]}"
			http: "127.0.0.1:${nats_ports[n + 5]}"
			jetstream { store_dir: "$DIR/nats$n/js", max_mem: 16MB
				max_file: 2GB, sync_interval: ${SYNC:-always} }
			cluster { name: c, listen: "127.0.0.1:${nats_ports[n + 2]}"
				routes: [$nats_routes] }
		CONF
		start "nats$n" "$NATS_SERVER" -c "$DIR/nats$n/conf"
	done
}

nats_kill() {
	kill_hard "nats$1"
}

# A client of the protocol, without a library: docs.nats.io, "Client Protocol".
nats_request() {
	perl -MIO::Socket::INET -e '
		my ($subject, $payload, $header) = @ARGV[0 .. 2];
		my $answer;
		for my $port (@ARGV[3 .. $#ARGV]) {
			my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
			    PeerPort => $port, Timeout => 2) or next;
			$s->autoflush(1);
			<$s>;
			my $h = $header eq "" ? "" : "NATS/1.0\r\n$header\r\n\r\n";
			my $size = length($h) + length $payload;
			print $s "CONNECT {\"verbose\":false,\"headers\":true,",
			    "\"no_responders\":true}\r\nSUB in.x 1\r\n",
			    $h eq "" ? "PUB $subject in.x $size\r\n"
			    : "HPUB $subject in.x " . length($h) . " $size\r\n",
			    "$h$payload\r\n";
			local $SIG{ALRM} = sub { die "no answer\n" };
			alarm 5;
			while (my $line = <$s>) {
				if ($line =~ /^PING/) { print $s "PONG\r\n" }
				last if $line =~ /^HMSG/; # nobody is there
				if ($line =~ /^MSG .* (\d+)\r$/) {
					read $s, $answer, $1;
					print "$answer\n";
					exit 0;
				}
			}
		}
		exit 1' -- "$1" "${2:-}" "${3:-}" "${nats_ports[@]:0:3}"
}

nats_is_ready() {
	logship --init --max-bytes 1GB "${SERVERS[@]}" >/dev/null 2>&1
}

nats_ready() {
	wait_for -t 60 nats_is_ready
}

# shellcheck disable=SC2016 # the dollar is the server's
nats_state() {
	nats_request '$JS.API.STREAM.INFO.LOGS' '{"subjects_filter":"LOGS.f.>"}'
}

nats_messages() {
	nats_state | grep -oE '"messages":[0-9]+' | grep -oE '[0-9]+'
}

nats_files() {
	nats_state | grep -oE '"LOGS\.f\.[^"]*":' | wc -l
}

nats_has_none() {
	local state
	state=$(nats_state) && ! grep -qE '"LOGS\.f\.[^"]*":([2-9]|[0-9]{2,})' <<<"$state"
}
