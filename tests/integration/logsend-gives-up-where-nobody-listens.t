#!/usr/bin/env bash
#
# A wrong URL is an error now, not a report of failures in a minute.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

server_start
stop server
send --duration 30s
is "$STATUS" 75 'it fails'
is "$OUT" '' 'without a report'
like "$ERR" "error logsend: connect to 127.0.0.1 port $SERVER_PORT: Connection refused" \
	'and says what it could not do'

# A queue of connections that is full, and nobody who takes any: the kernel
# does not even answer.
cat >"$DIR/full.pl" <<'PERL'
use IO::Socket::INET;
my $l = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die;
my @held;
while (my $c = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $l->sockport, Timeout => 0.3)) {
	push @held, $c;
}
print STDERR 'port=', $l->sockport, "\n";
sleep 60;
PERL
start full perl "$DIR/full.pl"
wait_log full 'port=' || give_up 'no full server'
FULL=http://127.0.0.1:$(log_since full | sed 's/port=//')/log
run logsend --url "$FULL" --timeout 500ms
is "$STATUS" 75 'no answer to a connect is waited for as long as --timeout'
like "$ERR" 'Connection timed out' 'and no longer'
start waiting logsend --url "$FULL" --timeout 50s
has_sockets() {
	[ "$(find "/proc/$(pid waiting)/fd" -lname 'socket:*' 2>/dev/null |
		wc -l)" -gt 32 ]
}
wait_for has_sockets
ok 'a signal ends the waiting' stop waiting
is "$STATUS" 75 'with a failure'

run logsend --url http://no-such-host.invalid/log
is "$STATUS" 75 'neither does a host without an address'
like "$ERR" 'look up no-such-host.invalid: ' 'which is named'
for url in httpx://127.0.0.1/log ftp://127.0.0.1/ 127.0.0.1:80 http:// \
	http://:80/ http://127.0.0.1:0/ http://127.0.0.1:65536/ \
	http://127.0.0.1:8x/ http://user@127.0.0.1/ 'http://[::1/' \
	'http://[x]/' 'http://127.0.0.1/a b' $'http://127.0.0.1/\r\nX: y' \
	http://127.0.0.1/#x; do
	run logsend --url "$url" --count 1
	is "$STATUS" 64 "refused: $(printf %q "$url")"
done
server_start
for name in localhost 127.0.0.1; do
	URL=http://$name:$SERVER_PORT
	send --count 1
	is "$STATUS" 0 "$name is found"
	like "$(tail -n 7 "$DIR/server/heads")" \
		"POST / HTTP/1.1.*Host: $name:$SERVER_PORT" \
		'Host is as in the URL, and the path not empty'
done
URL="http://127.0.0.1:$SERVER_PORT/a/b?c=d"
send --count 1
like "$(tail -n 7 "$DIR/server/heads")" 'POST /a/b\?c=d HTTP/1.1' \
	'path and query are sent'
done_testing
