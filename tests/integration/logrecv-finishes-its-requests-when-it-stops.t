#!/usr/bin/env bash
# SIGTERM and SIGINT: it takes no new connection, finishes what has begun,
# syncs, and exits 0; a second signal, or --drain-timeout, ends it at once.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# half_request: sends half a request, and the rest when $DIR/go exists
half_request() {
	rm -f "$DIR/go"
	start half perl -MIO::Socket::INET -e '
		my ($port, $go) = @ARGV;
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;
		syswrite($s, "POST /log HTTP/1.1\r\nHost: a\r\n" .
		    "Content-Length: 7\r\n\r\n{\"a\"");
		print STDERR "half\n";
		select(undef, undef, undef, 0.01) while !-e $go;
		syswrite($s, ":1}");
		while (sysread($s, my $got, 65536)) { syswrite(STDOUT, $got) }' \
		"$PORT" "$DIR/go"
	wait_log half '^half$'
	wait_for has_begun
}

# Half a body is in flight.
has_begun() {
	[ "$(scrape logrecv_in_flight_bytes)" -ge 4 ]
}

# refuses: is no connection taken any more?
refuses() {
	! curl -q -s --max-time 1 -o "$DIR/.none" "$URL/healthz"
}

for signal in TERM INT; do
	spool_new
	NAME=recv$signal logrecv_start --workers=2
	start idle perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ARGV[0]") or die;
		syswrite($s, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
		sysread($s, my $answer, 65536);
		print STDERR "idle\n";
		exit(sysread($s, $answer, 65536) ? 1 : 0)' "$PORT"
	wait_log idle '^idle$'
	half_request
	kill -s "$signal" "$(pid "recv$signal")"
	ok "SIG$signal: no new connection is taken" wait_for refuses
	ok '  an idle one is ended' wait_exit idle 5
	ok '  one in its request is waited for' alive "recv$signal"
	: >"$DIR/go"
	wait_exit half
	like "$(tail -n 12 "$DIR/half.out" | tr -d '\r')" \
		$'HTTP/1.1 200 OK\n(.*\n)?Connection: close\n.*\{"accepted":1\}$' \
		'  and answered, for the last time'
	ok '  then it ends' wait_exit "recv$signal" 5
	is "$STATUS" 0 '  with status 0'
	is "$(texts)" '{"a":1}' '  and the event is there'
	ok '  its log says so' grep -q ' info logrecv: stopped' "$DIR/recv$signal.log"
done

NAME=second logrecv_start --drain-timeout=1h
half_request
kill -s TERM "$(pid second)"
ok 'stopping' wait_for refuses
began=$(now_ms)
kill -s TERM "$(pid second)"
ok 'a second signal' wait_exit second 5
num "$(($(now_ms) - began))" -le $((1000 * WAIT_SCALE)) 'ends it at once'
isnt "$STATUS" 0 "which shows in its status, $STATUS"
: >"$DIR/go"
wait_exit half

NAME=drain logrecv_start --drain-timeout=300ms
half_request
began=$(now_ms)
kill -s TERM "$(pid drain)"
ok 'a client that does not go on' wait_exit drain 10
took=$(($(now_ms) - began))
num "$took" -ge 250 'is waited for'
num "$took" -le $((2000 * WAIT_SCALE)) "but not for ever: $took ms"
is "$STATUS" 0 'and the status is 0'
: >"$DIR/go"
wait_exit half

# The sync that is under way is waited for, and its requests are answered.
spool_new
NAME=sync faults_start --workers=1 --drain-timeout=100ms
: >"$FAULTS/hold"
start post curl -q -sS -o "$DIR/post.answer" -d '{"a":2}' "$URL/log"
is_written() {
	[ "$(stored | wc -l)" -eq 1 ]
}
ok 'an event is written' wait_for is_written
kill -s TERM "$(pid sync)"
ok 'stopping' wait_for refuses
rm "$FAULTS/hold"
ok 'ends after the sync' wait_exit sync 5
is "$STATUS" 0 'with status 0'
wait_exit post
note "its client got: $(cat "$DIR/post.answer")"
is "$(texts)" '{"a":2}' 'and the event is there'
done_testing
