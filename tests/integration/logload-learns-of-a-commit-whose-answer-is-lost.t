#!/usr/bin/env bash
# The connection breaks between the server's commit and its answer: the next
# look at the ledger tells that all is stored. The events are neither loaded
# twice nor missing from the counts. SQLite has no connection.
# databases: mariadb mysql postgresql odbc
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

# Passes everything on, but for the answer to the first COMMIT after rows; or, to
# undo, makes a ROLLBACK of it, as a server does that has failed in between.
cat >"$DIR/proxy.pl" <<'PERL'
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
my ($to, $port_file, $undo) = @ARGV;
$SIG{PIPE} = "IGNORE";
my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 0,
    Listen => 5) or die;
open my $port, ">", "$port_file.tmp" or die;
print $port $server->sockport;
close $port;
rename "$port_file.tmp", $port_file;
my ($loads, $cut) = (0, 0);
while (my $c = $server->accept) {
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
	    PeerPort => $to) or next;
	my $both = IO::Select->new($c, $s);
	my $open = 1;
	while ($open) {
		for my $from ($both->can_read) {
			$open = 0, last unless sysread $from, my $data, 65536;
			$cut = 1 if $undo && $loads && !$cut &&
			    $data =~ s/COMMIT(\0)$/ABORT $1/;
			syswrite $from == $c ? $s : $c, $data;
			next if $from != $c || $cut;
			# A bulk execute or one of many rows, and the others' words.
			$loads++ if $data =~
			    /^....[\xfa\x17]|LOAD DATA|COPY |INSERT INTO "logs"/s;
			next unless $loads && $data =~ /COMMIT\0?$/;
			sysread $s, $data, 65536;
			$cut = 1;
			$open = 0;
			last;
		}
	}
	close $c;
	close $s;
}
PERL

db_start
spool_new
for way in following hand undo; do
	[ "$way" != undo ] || [ "$DB" = postgresql ] || continue # its answer alone
	rm -f "$DIR/port"
	start "proxy-$way" perl "$DIR/proxy.pl" "$DB_PORT" "$DIR/port" \
		"$([ "$way" != undo ] || echo undo)"
	wait_for test -s "$DIR/port" || give_up 'no proxy'
	url=${DB_URL/$DB_PORT/$(cat "$DIR/port")}
	# MySQL has TLS by itself, which nobody looks into.
	[ "$DB" != mysql ] || url+='?ssl-mode=disabled'
	if [ "$way" = hand ]; then
		events 10 >"$DIR/a"
		run logload --db "$url" "$DIR/a"
		is "$STATUS" 0 'by hand: status 0'
		is "$(summary events)/$(summary skipped)" 10/0 'all are counted'
		is "$(rows)" 30 'each is a row'
	elif [ "$way" = undo ]; then
		events 5 >"$DIR/b"
		run logload --db "$url" "$DIR/b"
		is "$STATUS/$(rows)" 0/35 'a COMMIT that undoes is none'
		like "$ERR" 'has rolled the transaction back' 'as is told'
	else
		mkdir -p "$SPOOL/ready"
		events 20 >"$SPOOL/ready/$(ready 1)"
		run logload --db "$url" --spool "$SPOOL" --once
		is "$STATUS" 0 'a spool: status 0'
		like "$ERR" 'the database is away' 'the connection broke'
		like "$ERR" ' loaded file=.* events=20 ' 'it knows that it loaded'
		is "$(metric logload logload_events_loaded_total)" 20 \
			'all are counted'
		is "$(rows)" 20 'each is a row'
		ok 'the file is gone' no_files ready
	fi
done
done_testing
