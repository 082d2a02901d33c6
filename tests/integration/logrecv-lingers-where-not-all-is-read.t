#!/usr/bin/env bash
# Behind its last request a client may have sent more: closing then would reset
# the connection, and the answer could be lost with it (RFC 9112, section 9.6).
. "$(dirname "$0")/../lib.sh"

# Prints for each size what the connection ended with: the status of the
# answer, and the socket's error.
talk() {
	perl -e '
		use strict; use warnings; use IO::Socket::INET; use Socket;
		for my $size (@ARGV[1 .. $#ARGV]) {
			my $s = IO::Socket::INET->new("127.0.0.1:$ARGV[0]")
			    or die "connect: $!";
			# The head alone, so that the body comes by itself.
			syswrite $s, "POST /log HTTP/1.1\r\nHost: a\r\n"
			    . "Connection: close\r\nExpect: 100-continue\r\n"
			    . "Content-Length: $size\r\n\r\n";
			sysread $s, my $continue, 100;
			my $rest = ("[" x $size) . "\r\nand more";
			while (length $rest) {
				my $n = syswrite $s, $rest or die "write: $!";
				substr $rest, 0, $n, "";
			}
			my ($all, $piece) = ("", "");
			$all .= $piece while sysread $s, $piece, 65536;
			my ($status) = $all =~ m{^HTTP/1.1 (\d+)};
			# A reset would follow at once.
			select undef, undef, undef, 0.1;
			printf "%s %d\n", $status // "none",
			    unpack "i", getsockopt($s, SOL_SOCKET, SO_ERROR);
		}' "$PORT" "$@"
}

spool_new
logrecv_start
for size in 2 1000 65536 65537 70000 100000 262144 262145 500000; do
	is "$(talk "$size" "$size" "$size" | sort -u)" '400 0' \
		"a body of $size bytes and more behind it: no reset"
done
done_testing
