#!/usr/bin/env bash
# A large compressed body is not kept waiting by others' small ones, however
# many of them come in each turn.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

perl -e 'print "{\"a\":\"", join("", map { sprintf "%04x", rand 65536 } 1 .. 50),
	"\"}\n" for 1 .. 20000' | gzip -1 >"$DIR/large"
{ printf '%100000s' ''; printf '{"a":1,}'; } | gzip >"$DIR/small"

served() {
	scrape 'logrecv_refused_total{reason="json"}'
}

are_served() {
	[ "$(served)" -gt "$1" ]
}

# The metrics may be a second old: their next ones are not.
are_new() {
	! [ "$(served)" -eq "$1" ]
}

spool_new
logrecv_start --workers=1 --max-in-flight=64MiB \
	--request-timeout=5m
# Each sends the small one again and again.
start others perl -MIO::Socket::INET -e '
	my ($port, $path) = @ARGV;
	open my $f, "<:raw", $path or die;
	my $body = do { local $/; <$f> };
	my $request = "POST /log HTTP/1.1\r\nHost: a\r\n" .
	    "Content-Encoding: gzip\r\nContent-Length: " . length($body) .
	    "\r\n\r\n$body";
	my $parent = $$;
	for (1 .. 23) { last if !fork }
	my $s = IO::Socket::INET->new("127.0.0.1:$port") or die;
	while (getppid == $parent || $$ == $parent) {
		syswrite $s, $request or last;
		sysread $s, my $answer, 65536 or last;
	}' "$PORT" "$DIR/small"
ok 'others are served' wait_for are_served 1000
wait_for are_new "$(served)"
before=$(served)
http POST /log -H 'Content-Encoding: gzip' --data-binary "@$DIR/large" \
	--max-time $((60 * WAIT_SCALE))
is "$CODE $BODY" '200 {"accepted":20000}' 'the large one is taken beside them'
between=$(($(served) - before))
note "$between others were answered meanwhile"
num "$between" -lt 6500 '  before too many of the others'
stop others KILL
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
