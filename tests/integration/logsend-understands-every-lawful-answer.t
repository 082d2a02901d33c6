#!/usr/bin/env bash
#
# Chunked, closed at the end, after 1xx, in pieces, HTTP/1.0: all are answers.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

server_start '
	my $text = "{\"accepted\":$events}";
	my $good = ok($events);
	my $len = sprintf "%x", length($text);
	my @answers = (
	    [$good],
	    ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n" .
		"\r\n$good"],
	    ["HTTP/1.1 202 \r\nTransfer-Encoding: chunked\r\n\r\n" .
		"1;x=\"y\"\r\n{\r\n" . sprintf("%X", length($text) - 1) .
		"\r\n" . substr($text, 1) . "\r\n0\r\nTrailer: x\r\n\r\n"],
	    ["HTTP/1.1 202 OK\r\nX: y\r\n\r\n$text", 0, 1],
	    [answer(200, $text, "Connection: close"), 0, 1],
	    [answer(201, " $text\n", "connection: Keep-Alive, x")],
	    ["HTTP/1.0 202 OK\r\nContent-Length: " . length($text) .
		"\r\n\r\n$text", 0, 1],
	    ["HTTP/1.0 202 OK\r\nConnection: keep-alive\r\nContent-Length:" .
		length($text) . "\t\r\n\r\n$text"],
	    [answer(202, "{\"a\":[1,{}],\"accepted\":$events,\"b\":null}")],
	);
	return @{$answers[($n - 1) % @answers]};'
send --count 90 --rate 300 --connections 1 --batch 2
is "$STATUS" 0 'all are acknowledged'
is "$(report requests_acknowledged)" 90 'every one'
is "$(report requests_failed)" 0 'none is lost where the server closes'
num "$(grep -c . "$DIR/server/times")" -eq 90 'nothing was sent twice'

# Byte by byte, over the raw socket of a server of a few lines.
cat >"$DIR/slow.pl" <<'PERL'
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
my $l = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die;
print STDERR 'port=', $l->sockport, "\n";
while (my $c = $l->accept) {
	setsockopt($c, IPPROTO_TCP, TCP_NODELAY, 1);
	my $in = '';
	while (sysread($c, $in, 4096, length($in))) {
		next if $in !~ /\r\n\r\n.*\}/s;
		$in = '';
		my $out = "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked" .
		    "\r\n\r\ne\r\n{\"accepted\":1}\r\n0\r\n\r\n";
		for (split //, $out) {
			syswrite($c, $_);
			select(undef, undef, undef, 0.0005);
		}
	}
}
PERL
start slow perl "$DIR/slow.pl"
wait_log slow 'port=' || give_up 'no slow server'
URL=http://127.0.0.1:$(log_since slow | sed 's/port=//')/log
send --count 3 --rate 0 --connections 1
is "$STATUS" 0 'an answer may come byte by byte'
is "$(report requests_acknowledged)" 3 'and is read whole'
done_testing
