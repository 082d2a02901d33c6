#!/usr/bin/env bash
# A server may answer any statement with a request for a file of the client's,
# and whoever stands between it and us may do so in its place: whatever it asks
# for, and whenever, it gets nothing but the rows of our own LOAD DATA.
# Of one protocol alone: in no other a server can ask for a file.
# databases: mariadb mysql
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

# Passes everything on, but asks for the bait at the Nth packet of a client
# that matches, and writes down what comes then. LOAD DATA: lets the server ask,
# but for the bait.
cat >"$DIR/rogue.pl" <<'PERL'
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
my ($to, $port_file, $got_file, $bait, $match, $nth) = @ARGV;
$SIG{PIPE} = "IGNORE";
my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 0,
    Listen => 5) or die;
open my $port, ">", "$port_file.tmp" or die;
print $port $server->sockport;
close $port;
rename "$port_file.tmp", $port_file;
open my $got, ">>", $got_file or die;
$got->autoflush(1);
sub bytes {
	my ($from, $n) = @_;
	my $data = "";
	while (length $data < $n) {
		sysread $from, $data, $n - length $data, length $data or return;
	}
	return $data;
}
sub packet {
	my ($from) = @_;
	my $head = bytes($from, 4) // return;
	my $body = bytes($from, unpack "V", substr($head, 0, 3) . "\0") // return;
	return ($head, $body);
}
sub head { return substr(pack("V", $_[0]), 0, 3) . chr $_[1] }
while (my $c = $server->accept) {
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
	    PeerPort => $to) or next;
	my ($both, $left, $asked) = (IO::Select->new($c, $s), $nth, 0);
	TALK: while (1) {
		for my $from ($both->can_read) {
			my ($head, $body) = packet($from) or last TALK;
			my $seq = ord substr $head, 3;
			# MySQL's library has a query's attributes before it.
			(my $said = $body) =~ s/^\x03\0\x01/\x03/;
			if ($from == $s) {
				if ($match eq "answer" && $body =~ s/^\xfblogload/\xfb$bait/) {
					print $got "ASKED";
					$head = head(length $body, $seq);
				}
				syswrite $c, $head . $body;
			} elsif ($match ne "answer" && $asked) {
				print $got $body;
			} elsif ("$seq$said" =~ /$match/s && !--$left) {
				print $got "ASKED";
				$asked = 1;
				syswrite $c, head(1 + length $bait, $seq + 1) . "\xfb$bait";
			} else {
				print $got $body if $match eq "answer";
				syswrite $s, $head . $body;
			}
		}
	}
	close $c;
	close $s;
}
PERL
printf 'the-secret-of-the-bait\n' >"$DIR/bait"
# rogue NAME PATTERN [NTH]: from now on DB_URL is its address
rogue() {
	rm -f "$DIR/port"
	: >"$DIR/got"
	start "rogue-$1" perl "$DIR/rogue.pl" "$DB_PORT" "$DIR/port" "$DIR/got" \
		"$DIR/bait" "$2" "${3:-1}"
	wait_for test -s "$DIR/port" || give_up 'no rogue'
	DB_URL="mysql://logs@127.0.0.1:$(cat "$DIR/port")/logs?ssl-mode=disabled"
}
# gets_no NAME PATTERN
gets_no() {
	ok "$1: it asks" grep -aq ASKED "$DIR/got"
	not_ok "$1: and gets nothing of ours" grep -aqE "$2" "$DIR/got"
}
# Such a log takes no arrays of rows: a few go by a prepared INSERT, more by
# LOAD DATA.
db_start --log-bin="$DIR/binlog" --binlog-format=STATEMENT --server-id=1
events 3 >"$DIR/few"
events 100 >"$DIR/many"
# asks NAME FILE PATTERN [NTH]
asks() {
	rogue "$1" "$3" "${4:-1}"
	load --wait 0s "$DIR/$2"
	gets_no "$1" 'the-secret|"id"'
	is "$STATUS" 78 "$1: status 78"
	like "$ERR" "the server asked for our file '$DIR/bait'" "$1: it is told"
}
asks 'the first statement' few '^0\x03SET NAMES'
asks 'the claim' few '^0\x03INSERT'
asks 'a prepared INSERT' few '^0\x17'
asks 'a savepoint' many '^0\x03SAVEPOINT'
asks 'a commit' many '^0\x03COMMIT'
rogue login '^1'
load --wait 0s "$DIR/few"
gets_no login 'the-secret|"id"'
isnt "$STATUS" 0 'login: it fails'
cat >"$HOME/.my.cnf" <<'CONF'
[client]
init-command=SET @mine=1
CONF
asks "the user's own first statement" few '^0\x03SET @mine'
rm "$HOME/.my.cnf"
sql 'SET GLOBAL binlog_format=ROW'
# MySQL's library knows no arrays.
asks 'an array of rows' many '^0(\xfa|\x03SAVEPOINT)'
sql 'SET GLOBAL binlog_format=STATEMENT'
is "$(rows)" 0 'nothing was stored'

spool_new
mkdir -p "$SPOOL/ready"
cp "$DIR/many" "$SPOOL/ready/$(ready 1)"
rogue 'a spool' '^0\x03COMMIT'
once
is "$STATUS/$(files ready)" 78/1 'a spool keeps its file'
rogue 'a file of another name' answer
once
gets_no 'at our own LOAD DATA' the-secret
ok 'it gets the rows' grep -aq '"id":"e99"' "$DIR/got"
is "$STATUS/$(files ready)/$(rows)" 0/0/100 'all is loaded, once'
done_testing
