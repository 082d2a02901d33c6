#!/usr/bin/env bash
# What TLS takes for a client counts in --max-in-flight, from the first byte of
# its hello on: who does not go on gives way to those who do. A hello that claims
# more than any has is refused before there is memory for it, be it the second.
# shellcheck disable=SC2016 # the code in quotes is Perl
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
	-subj /CN=server -addext 'subjectAltName=IP:127.0.0.1' \
	-keyout "$DIR/key" -out "$DIR/cert" 2>"$DIR/openssl"
spool_new
start logrecv logrecv --workers=1 --spool="$SPOOL" --max-in-flight=2MB \
	--listen=127.0.0.1:0,tls --tls-cert="$DIR/cert" --tls-key="$DIR/key" \
	--admin-listen=127.0.0.1:0
wait_for tests_listens logrecv || give_up 'it does not listen'
mapfile -t ports < <(log_since logrecv |
	sed -n 's/.* listening .*address=127.0.0.1:\([0-9]*\).*/\1/p')
PORT=${ports[0]} URL=https://127.0.0.1:${ports[0]}
ADMIN_URL=http://127.0.0.1:${ports[1]}

# Clients of a few kinds, by the bytes that they send.
cat >"$DIR/client" <<'END'
use strict;
use warnings;
use IO::Socket::INET;
my ($port, $kind, $count) = @ARGV;
# A record of a message's header and a first byte, of 16 KiB in all.
sub claim { return pack 'CnnC Cn C', 22, 0x301, 16384, 1, $_[0] >> 16, $_[0] & 0xffff, 3 }
# RFC 8446, section 4.1.2, without a key: another hello is asked for.
my $extensions = pack 'H*', '002b0003020304' . '000a00040002001d' .
    '000d000600040403' . '0804' . '003300020000';
my $body = pack('n', 0x303) . 'r' x 32 . chr(32) . 's' x 32 .
    pack('nn', 2, 0x1301) . "\1\0" . pack('n', length $extensions) . $extensions;
my $hello = pack('CnnCCn', 22, 0x301, 4 + length $body, 1, 0, length $body) . $body;
my @open;
for (1 .. $count) {
	my $s = IO::Socket::INET->new("127.0.0.1:$port") or die "connect: $@";
	syswrite $s, $kind eq 'large' ? claim(131_000)
	    : $kind eq 'half' ? claim(16_000) : $hello;
	if ($kind eq 'second') {
		sysread $s, my $answer, 65536;
		print STDERR 'random ', unpack('H8', substr $answer, 11, 4), "\n";
		syswrite $s, pack('CnnC', 20, 0x303, 1, 1) . claim(131_000);
	}
	push @open, $s;
}
print STDERR "sent\n";
if ($kind ne 'half') {
	while (sysread $open[0], my $more, 65536) { print STDERR unpack('H*', $more), "\n" }
	print STDERR "ended\n";
}
sleep 100;
END

for kind in large second; do
	start "$kind" perl "$DIR/client" "$PORT" "$kind" 1
	ok "a $kind hello of 131 kB is ended at once" wait_log "$kind" '^ended' 10
done
# The one that RFC 8446, section 4.1.3, has for this.
ok 'which was asked for' wait_log second '^random cf21ad74'
ok 'both are counted' wait_for sample_is 'logrecv_refused_total{reason="tls"}' 2
like "$(log_since logrecv | grep -m 1 'refuse a client')" \
	'a hello of more than 16 KiB client=127.0.0.1' '  and told of'
ok 'nothing is held for them' wait_for sample_is logrecv_in_flight_bytes 0

# over SAMPLE N: is it more, now?
over() {
	[ "$(scrape "$1")" -gt "$2" ]
}

# Hellos that do not go on.
start half perl "$DIR/client" "$PORT" half 100
ok '100 hellos that stop' wait_log half '^sent'
ok '  hold what may be held at most' wait_for over logrecv_in_flight_bytes 1000000
num "$(scrape logrecv_in_flight_bytes)" -le 2000000 '  and no more'
ok '  and some have given way' wait_for \
	over 'logrecv_ended_connections_total{reason="in-flight"}' 0
for i in 1 2 3; do
	post "{\"n\":$i}" --cacert "$DIR/cert"
	is "$CODE" 200 "client $i goes before them"
done
kill_group half
ok 'all is given back' wait_for sample_is logrecv_in_flight_bytes 0
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
