#!/usr/bin/env bash
# What a server, or what stands before it, is set to: sessions that end soon or
# with each COMMIT, LOAD DATA that commits inside, settings that lose commits,
# a host of several that is away, a connection that has silently gone.
# Of MariaDB and what speaks its protocol: all are settings and packets of it.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

# Passes everything on; connections that are open when $DIR/silent is made
# stay, and nothing comes through any more. Before the second UPDATE after
# $DIR/reset was made a connection gets a new session (COM_RESET_CONNECTION).
cat >"$DIR/nat.pl" <<'PERL'
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
my ($to, $silent, $reset) = @ARGV;
my $updates = 0;
$SIG{PIPE} = "IGNORE";
my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 0,
    Listen => 5) or die;
print STDERR "port=", $server->sockport, "\n";
my $all = IO::Select->new($server);
my (%other, %dead);
while (my @ready = $all->can_read) {
	%dead = %other, unlink $silent if -e $silent;
	for my $from (@ready) {
		if ($from == $server) {
			my $c = $server->accept or next;
			my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
			    PeerPort => $to) or next;
			@other{$c, $s} = ($s, $c);
			$all->add($c, $s);
		} elsif (!sysread $from, my $data, 65536) {
			$all->remove($from);
			shutdown $other{$from}, 1 unless $dead{$from};
		} elsif (!$dead{$from}) {
			if (-e $reset && $data =~ /^....\x03(\0\x01)?UPDATE/s && ++$updates == 2) {
				unlink $reset;
				syswrite $other{$from}, "\x01\0\0\0\x1f";
				sysread $other{$from}, my $answer, 65536;
			}
			syswrite $other{$from}, $data;
		} else {
			print STDERR "swallowed\n";
		}
	}
}
PERL
# Such a log takes no arrays of rows, so that LOAD DATA is the first choice.
settings=(--log-bin="$DIR/binlog" --binlog-format=STATEMENT --server-id=1
	--sync-binlog=0 --innodb-flush-log-at-trx-commit=2)
mariadb_start "${settings[@]}" --completion-type=2 --wait-timeout=1 \
	--interactive-timeout=1 --init-connect="SET autocommit=1, sql_mode=''"
start nat perl "$DIR/nat.pl" "$DB_PORT" "$DIR/silent" "$DIR/reset"
wait_log nat 'port=' || give_up 'no forwarder'
direct=$DB_URL
nat=127.0.0.1:$(log_since nat | sed -n 's/port=//p' | head -n 1)
loads() { sql "SHOW GLOBAL STATUS LIKE 'Com_load'" | cut -f 2; }

spool_new
mkdir -p "$SPOOL/ready"
put() {
	events 100 "$1" >"$DIR/a"
	mv "$DIR/a" "$SPOOL/ready/$(ready "$1")"
}
# Nobody is at port 1.
DB_URL=mysql://logs@127.0.0.1:1,$nat/logs
logload_start
put 0
ok 'a file, at the second host' wait_rows 100
like "$(log_since logload)" "trying the next host: 127.0.0.1" 'it says so'
for setting in innodb_flush_log_at_trx_commit sync_binlog; do
	like "$(log_since logload)" "warn .* has not $setting=1" "it warns of $setting"
done
session() { sql "SELECT id FROM information_schema.processlist WHERE user='logs' AND time>=$1"; }
rests() { [ -n "$(session 2)" ]; }
ok 'it rests' wait_for rests
was=$(session 0)
put 100
ok 'another file' wait_rows 200
is "$(session 0)" "$was" 'over the same connection'
mark=$(log_since logload | wc -l)
: >"$DIR/silent"
ok 'it rests again' wait_for rests
put 200
ok 'a file where the connection has silently gone' wait_rows 300 18
ok 'it had' wait_log nat swallowed
unlike "$(log_since logload | tail -n "+$((mark + 1))")" 'away' 'that is no outage'
stop logload
num "$(loads)" -ge 3 'all that by LOAD DATA'

# Chunks of some 2000 events: the second one's rows are gone with its session.
events 5000 >"$DIR/b"
: >"$DIR/reset"
DB_URL=mysql://logs@$nat/logs
load --chunk 64KiB "$DIR/b"
is "$STATUS" 78 'a new session amid a transaction: status 78'
like "$ERR" 'a proxy has changed the session' 'it is told'
load --chunk 64KiB "$DIR/b"
is "$STATUS/$(rows)" 0/5300 'run again, each event is a row'

DB_URL=$direct
sql 'SET GLOBAL wsrep_load_data_splitting=ON'
before=$(loads)
put 300
once
is "$STATUS/$(rows)/$(loads)" "0/5400/$before" 'not where that is split'
like "$ERR" 'LOAD DATA that commits inside: loading by INSERT' 'it says so'
mariadb_stop
mariadb_start "${settings[@]}" --version=8.0.11-TiDB-v8.5.0
put 400
once
is "$STATUS/$(rows)/$(loads)" 0/5500/0 'nor in TiDB'

run logload --db "mysql://logs@127.0.0.1:1,[::1]:1,a:1,b:1,c:1,d:1,e:1,f:1,g:1/logs" "$DIR/none"
is "$STATUS" 64 'nine hosts are too many'
done_testing
