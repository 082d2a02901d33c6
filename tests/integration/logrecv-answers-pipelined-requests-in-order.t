#!/usr/bin/env bash
# Hundreds of requests in one write, good and bad, of all kinds and sizes: each
# gets its own answer, in order, however the writes are cut.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# Prints requests; the second argument gets a line "STATUS [BODY]" for each.
# Each POST has as many events as its number says, so that an answer tells
# whose it is.
make_requests() {
	perl -e '
		my ($count, $seed, $wanted) = @ARGV;
		srand($seed);
		open(my $want, ">", $wanted) or die;
		my $host = "HTTP/1.1\r\nHost: a\r\n";
		for my $i (1 .. $count) {
			my $kind = int(rand(9));
			my $events = $i % 50 + 1;
			my $body = "{}\n" x $events;
			$body .= " " x int(rand(20000)) if $kind == 1;
			my $post = "POST /log $host";
			my $plain = "Content-Length: " . length($body) . "\r\n\r\n$body";
			if ($kind <= 2) {
				print "$post$plain";
				print $want "200 {\"accepted\":$events}\n";
			} elsif ($kind == 3) {
				print "${post}Transfer-Encoding: chunked\r\n\r\n";
				while (length $body) {
					my $c = substr($body, 0, 1 + int(rand(40)), "");
					printf "%x\r\n%s\r\n", length $c, $c;
				}
				print "0\r\n\r\n";
				print $want "200 {\"accepted\":$events}\n";
			} elsif ($kind == 4) {
				print "GET /healthz $host\r\n";
				print $want "200 {\"status\":\"ok\"}\n";
			} elsif ($kind == 5) {
				print "HEAD /readyz $host\r\n";
				print $want "200\n";
			} elsif ($kind == 6) {
				print "GET /$i $host\r\n";
				print $want "404 {\"error\":\"no such path\"}\n";
			} elsif ($kind == 7) {
				my $bad = "{}\n" x $events . "x";
				print "${post}Content-Length: ", length $bad, "\r\n\r\n$bad";
				my $at = 3 * $events;
				print $want "400 {\"error\":\"expected a value\"," .
				    "\"event\":$events,\"offset\":$at}\n";
			} else {
				print "\r\n${post}$plain";
				print $want "200 {\"accepted\":$events}\n";
			}
		}
		# Ends the connection, and so tells http-raw that all have come.
		print "GET /healthz ${host}Connection: close\r\n\r\n";
		print $want "200 {\"status\":\"ok\"}\n";' "$@"
}

# answers_of FILE: "STATUS [BODY]" lines out of what came back
answers_of() {
	perl -0777 -ne '
		my $heads = 0;
		while (length) {
			s/^HTTP\/1\.1 (\d+) .*?\r\n\r\n//s or do { print "? $_\n"; last };
			my ($status, $head) = ($1, $&);
			my ($len) = $head =~ /^Content-Length: (\d+)/m;
			# The one answer to HEAD among them has no body.
			if (/^HTTP\// || !length) { print "$status\n"; next }
			print "$status ", substr($_, 0, $len, ""), "\n";
		}' "$1"
}

spool_new
logrecv_start --workers=1 --bad=refuse
total=0
for case in '300 1' '300 2 1000' '1000 3 65536' '20 4 7' '2000 5'; do
	read -r count seed piece <<<"$case"
	make_requests "$count" "$seed" "$DIR/want" >"$DIR/requests"
	http_raw -t 30 ${piece:+-b "$piece"} "$PORT" \
		<"$DIR/requests" >"$DIR/answers"
	is "$?" 0 "$count requests in ${piece:-one write}${piece:+ bytes a write}"
	answers_of "$DIR/answers" >"$DIR/got"
	ok '  get their answers in order' diff "$DIR/got" "$DIR/want"
	total=$((total + $(awk -F '[:}]' '/accepted/ { n += $2 } END { print n }' \
		"$DIR/want")))
done
is "$(lines buffer)" "$total" 'and all good events are stored'

{
	for i in $(seq 1 100); do request "{\"i\":$i}"; done
	printf 'GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n'
	for i in $(seq 1 100); do request "{\"smuggled\":$i}"; done
} >"$DIR/requests"
codes=$(http_codes "$PORT" <"$DIR/requests")
is "$codes" "$(printf '200 %.0s' $(seq 1 100))400" \
	'a malformed one among them is the last to be answered'
is "$(stored | grep -c smuggled)" 0 'and nothing behind it is stored'

# Answers that nobody reads do not pile up: the server stops reading.
perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ARGV[0]") or die;
	$s->blocking(0);
	my $get = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" x 1000;
	my ($sent, $still) = (0, 0);
	while ($still < 100 && $sent < 200e6) {
		my $n = syswrite($s, $get);
		if ($n) { $sent += $n; $still = 0 } else { $still++ }
		select(undef, undef, undef, 0.01) if !$n;
	}
	print $sent < 50e6 ? "stopped" : "took $sent bytes";' "$ADMIN_PORT" >"$DIR/stopped"
is "$(cat "$DIR/stopped")" stopped 'a client that reads no answer is not read'
rss=$(awk '/^VmHWM/ { print $2 }' "/proc/$(pid logrecv)/status")
note "peak memory: $rss kB"
ok 'it still serves others' send_event '{}'
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
