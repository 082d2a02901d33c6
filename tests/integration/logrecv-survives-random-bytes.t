#!/usr/bin/env bash
# Requests with bytes changed, cut out, doubled and sent in random pieces: it
# never dies, never hangs, answers nobody else wrongly, and every line that is
# stored is one JSON object.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# fuzz ROUNDS SEED: prints how many connections were answered
fuzz() {
	perl -MIO::Socket::INET -MIO::Select -e '
		my ($port, $rounds, $seed) = @ARGV;
		srand($seed);
		$SIG{PIPE} = "IGNORE";
		my $h = "HTTP/1.1\r\nHost: a\r\n";
		my $te = "Transfer-Encoding: chunked\r\n";
		my @good = (
		    "POST /log ${h}Content-Length: 13\r\n\r\n{\"a\":[1,\"x\"]}",
		    "POST /log ${h}$te\r\n6;x=\"y\"\r\n{\"a\":1\r\n1\r\n}\r\n0\r\nT: u\r\n\r\n",
		    "POST /log ${h}Content-Length: 23\r\n\r\n{\"a\":1}\n{\"b\":2}\n[{\"c\":3",
		    "POST /log ${h}Content-Length: 22\r\n\r\n[{\"a\":1},{\"b\":\"\\u00e9\"}",
		    "GET /healthz $h\r\n", "HEAD /metrics $h\r\n",
		    "POST http://a/log?x=y HTTP/1.0\r\nConnection: keep-alive\r\n" .
			"Content-Length: 2\r\n\r\n{}",
		    "\r\nPOST /log ${h}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}");
		my @bits = ("\r\n", "\n", "\r", "\0", " ", ":", "\xff", "0", "f" x 16,
		    "{", "}", "\"", "[", "]", ",", "\\", "chunked", "Content-Length: 3\r\n",
		    $te, "HTTP/1.1", "POST /log ");
		my $answered = 0;
		for (1 .. $rounds) {
			my $data = join "", map { $good[rand @good] } 1 .. 1 + rand 6;
			for (1 .. rand 5) {
				my $at = int rand length $data;
				my $how = int rand 4;
				if ($how == 0) {
					substr($data, $at, 1) = chr(rand 256);
				} elsif ($how == 1) {
					substr($data, $at, int rand 12) = "";
				} elsif ($how == 2) {
					substr($data, $at, 0) = $bits[rand @bits];
				} else {
					my $piece = substr($data, $at, int rand 60);
					substr($data, int rand length $data, 0) = $piece;
				}
				$data .= "x" if !length $data;
			}
			my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
			    or die "connect: $@";
			my $got = "";
			while (length $data) {
				my $size = rand() < 0.5 ? length $data : 1 + rand 40;
				syswrite($s, substr($data, 0, $size, "")) // last;
			}
			# All but a few say that this was all; and so must end.
			if (rand() < 0.95) {
				shutdown($s, 1);
				my $select = IO::Select->new($s);
				while (1) {
					if (!$select->can_read(10)) {
						print "hangs\n";
						last;
					}
					sysread($s, $got, 65536, length $got) or last;
				}
			}
			$answered++ if $got =~ /^HTTP\/1\.1 [1-5]\d\d /;
			print "no answer is this: $got\n"
			    if length $got && $got !~ /^HTTP\/1\.1 [1-5]\d\d [A-Z]/;
		}
		print "answered $answered\n"' "$PORT" "$@"
}

is_alone() {
	[ "$(scrape logrecv_connections)" -le 1 ] &&
		[ "$(scrape logrecv_in_flight_bytes)" = 0 ]
}

spool_new
logrecv_start --workers=2 --request-timeout=3s --max-depth=16
for seed in 1 2 3 4; do
	said=$(fuzz 500 "$seed")
	like "$said" '^answered [1-9][0-9]+$' "500 of them, seed $seed: $said"
	ok '  it still takes events' send_event "{\"seed\":$seed}"
done
ok 'all is given back' wait_for is_alone
note "lines: $(stored | wc -l)"
# JSON::PP takes a little more than RFC 8259; the units know the difference.
is "$(stored | perl -MJSON::PP -ne '
	my $line = eval { decode_json($_) };
	next if ref $line eq "HASH" &&
	    /[{,\s]"\@received_at":"[-0-9T:.]{26}Z"}\n\z/;
	next if ref $line eq "ARRAY" &&
	    /\A\["[^"]+",\d+,"([^"\\]|\\.)*"(,"base64")?\]\n\z/;
	print "$.: $_"' | head -n 5)" '' \
	'each line is an object that ends in its time, or a bad event'
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
