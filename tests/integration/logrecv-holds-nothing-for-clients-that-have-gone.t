#!/usr/bin/env bash
# Thousands of connections that come, do something, break off in the middle,
# and go: memory and descriptors stay what they were, no byte is in flight.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# come_and_go ROUNDS SEED: connections that end in every way
come_and_go() {
	perl -MIO::Socket::INET -MSocket -e '
		my ($port, $rounds, $seed) = @ARGV;
		srand($seed);
		$SIG{PIPE} = "IGNORE";
		my $head = "POST /log HTTP/1.1\r\nHost: a\r\n";
		my $pad = "x" x 3000;
		my @open;
		for (1 .. $rounds) {
			my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
			    or next;
			my $kind = int(rand(10));
			my $body = "{\"a\":\"$pad\"}";
			my $len = length $body;
			my $whole = "${head}Content-Length: $len\r\n\r\n$body";
			syswrite($s, $kind == 0 ? ""
			    : $kind == 1 ? $head
			    : $kind == 2 ? substr($whole, 0, int(rand(length $whole)))
			    : $kind == 3 ? $whole x 3
			    : $kind == 4 ? "${head}Transfer-Encoding: chunked\r\n\r\n" .
				"bb8\r\n$pad\r\nzz\r\n"
			    : $kind == 5 ? "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n" x 5
			    : $kind == 6 ? "\0" x 100
			    : $kind == 7 ? "${head}Content-Length: 99999999\r\n\r\n$pad"
			    : $kind == 8 ? "${head}Transfer-Encoding: chunked\r\n\r\n" .
				"2\r\n{}\r\n0\r\n\r\n" . $whole
			    : "${head}Content-Length: 1\r\n\r\nx$whole" . $head);
			# The answer, where one is due.
			sysread($s, my $got, 65536)
			    if rand() < 0.3 && $kind > 2 && $kind != 6;
			# Some end in a reset, some in order, some stay a while.
			setsockopt($s, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))
			    if rand() < 0.3;
			push @open, $s if rand() < 0.2;
			shift @open if @open > 50;
		}' "$PORT" "$@"
}

rss_kb() {
	awk '/^VmRSS/ { print $2 }' "/proc/$(pid logrecv)/status"
}

descriptors() {
	find "/proc/$(pid logrecv)/fd" -mindepth 1 | wc -l
}

is_alone() {
	[ "$(scrape logrecv_connections)" -le 1 ] &&
		[ "$(scrape logrecv_in_flight_bytes)" = 0 ]
}

spool_new
logrecv_start --workers=2 --request-timeout=5s
come_and_go 1500 1
ok 'all connections end' wait_for is_alone
rss=$(rss_kb) fds=$(descriptors)
for round in 2 3 4; do
	come_and_go 1500 "$round"
done
ok 'and all of 4500 more, and no byte is in flight' wait_for is_alone
# A worker that has not met a client before may open its file meanwhile.
num "$(descriptors)" -le $((fds + 2)) 'descriptors are given back'
note "memory: $rss kB, then $(rss_kb) kB"
# Sanitizers keep what is freed.
grep -qaE '__(asan|tsan)_init' "$(command -v logrecv)" ||
	num "$(rss_kb)" -le $((rss + 2000)) 'and memory'
ok 'it still takes events' send_event '{"good":1}'
stop logrecv
is "$STATUS" 0 'it ends with status 0'
not_ok 'each line is whole' grep -qvaE '"@received_at":"[^"]*"}$' \
	"$SPOOL"/buffer/*.ndjson
done_testing
