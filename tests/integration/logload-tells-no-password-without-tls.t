#!/usr/bin/env bash
# Where TLS is asked for, a server (or who stands in its place) that has none
# and asks for the password in clear does not get it.
# Of MySQL's protocol, in which a server can ask for it in clear.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

# Says that it has no TLS, asks for mysql_clear_password, writes down what
# comes, and never lets anybody in.
cat >"$DIR/fake.pl" <<'PERL'
use strict;
use warnings;
use IO::Socket::INET;
$SIG{PIPE} = "IGNORE";
my ($port_file, $got_file) = @ARGV;
my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 0,
    Listen => 5) or die;
open my $port, ">", "$port_file.tmp" or die;
print $port $server->sockport;
close $port;
rename "$port_file.tmp", $port_file;
sub packet { my ($n, $data) = @_;
	return pack("VX", length $data) . chr($n) . $data }
while (my $c = $server->accept) {
	# Protocol 10; capabilities without CLIENT_SSL (0x800), with
	# PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH.
	my $capabilities = 0x000ff7ff & ~0x820;
	syswrite $c, packet(0, chr(10) . "8.0.0\0" . pack("V", 1) . "a" x 8 .
	    "\0" . pack("v", $capabilities & 0xffff) . chr(45) .
	    pack("v", 2) . pack("v", $capabilities >> 16) . chr(21) .
	    "\0" x 10 . "b" x 12 . "\0mysql_native_password\0");
	my $buffer = "";
	sysread $c, $buffer, 65536;
	syswrite $c, packet(2, "\xfemysql_clear_password\0");
	my $answer = "";
	sysread $c, $answer, 65536;
	open my $got, ">>", $got_file or die;
	print $got $buffer, $answer, "\n";
	close $got;
	syswrite $c, packet(4, "\xff" . pack("v", 1045) . "#28000denied");
	close $c;
}
PERL
touch "$DIR/got"
start fake perl "$DIR/fake.pl" "$DIR/port" "$DIR/got"
wait_for test -s "$DIR/port" || give_up 'no server'
DB_URL=mysql://logs@127.0.0.1:$(cat "$DIR/port")/logs
export LOGLOAD_DB_PASSWORD=a-secret-password
events 1 >"$DIR/a"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$DIR/ca.key" \
	-out "$DIR/ca.pem" -days 2 -subj /CN=ca 2>"$DIR/openssl.err"

tells() { grep -aqF a-secret-password "$DIR/got"; }
for mode in required verify_ca verify_identity; do
	DB_URL="$DB_URL?ssl-ca=$DIR/ca.pem" load --ssl-mode "$mode" --wait 0s \
		"$DIR/a"
	is "$STATUS" 78 "$mode: status 78"
	not_ok "$mode: the password is not told" tells
done
load --ssl-mode disabled --wait 0s "$DIR/a"
ok 'to a server without TLS it is, where none is asked for' tells

# Who wants it all the same says so in a my.cnf.
: >"$DIR/got"
printf '[client]\nrestricted-auth=mysql_native_password,mysql_clear_password\n' >"$HOME/.my.cnf"
chmod 600 "$HOME/.my.cnf"
load --ssl-mode required --wait 0s "$DIR/a"
ok 'a my.cnf may allow it' tells
done_testing
