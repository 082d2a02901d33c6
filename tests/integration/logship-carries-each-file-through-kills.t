#!/usr/bin/env bash
# One host receives, two load, three servers carry; each of these is killed
# again and again, or stands still. Each event is one row in the end.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../nats-lib.sh"

FILES=${FILES:-120}
KILLS=${KILLS:-24}

nats_start
ok 'the stream is made' nats_ready

# Files of 1 to 400 lines, handed over as logbatch does it.
cat >"$DIR/writer" <<'PERL'
use strict; use warnings;
use POSIX qw(strftime);
my ($ready, $files) = @ARGV;
my $sum = 0;
for my $file (1 .. $files) {
	my $name = sprintf "%s.%06dZ-test-1-%d-0000abcd.ndjson",
	    strftime("%Y%m%dT%H%M%S", gmtime), $file, $file;
	open my $fh, '>', "$ready/.$name" or die $!;
	my $lines = 1 + int rand 400;
	print $fh "{\"id\":\"$file-$_\",\"pad\":\"", 'x' x (100 + int rand 4000),
	    "\"}\n" for 1 .. $lines;
	close $fh or die $!;
	rename "$ready/.$name", "$ready/$name" or die $!;
	$sum += $lines;
	select undef, undef, undef, 0.1;
}
print "$sum\n";
PERL
mkdir -m 750 "$DIR/a" "$DIR/a/ready" "$DIR/b" "$DIR/c"

ship() { start ship logship --wait 1s --spool "$DIR/a" "${SERVERS[@]}"; }
fetch() { start "fetch$1" logfetch --wait 1s --orphan-after 5s \
	--spool "$DIR/$1" "${SERVERS[@]}"; }
load() { start "load$1" logload --settle 0 --db "sqlite:$DIR/logs.db" \
	--spool "$DIR/$1"; }
count() { sqlite3 "$DIR/logs.db" "SELECT $1 FROM logs" 2>/dev/null || echo 0; }

start writer perl "$DIR/writer" "$DIR/a/ready" "$FILES"
ship
for i in b c; do
	fetch "$i"
	load "$i"
done
for kill in $(seq "$KILLS"); do
	sleep 0.$((RANDOM % 8 + 1)) # the moment is any
	n=$((RANDOM % 3 + 1))
	case $((kill % 6)) in
	0)
		nats_kill "$n"
		nats_start "$n"
		;;
	1)
		kill -STOP "$(pid "nats$n")"
		sleep 1.$((RANDOM % 10)) # a leader that is stale afterwards
		kill -CONT "$(pid "nats$n")"
		;;
	2)
		kill_hard ship
		ship
		;;
	3)
		kill_hard fetchb
		fetch b
		;;
	4)
		kill_hard fetchc
		fetch c
		;;
	5)
		kill_hard loadb
		load b
		;;
	esac
done
ok 'the writer ends' wait_exit writer 120
sum=$(cat "$DIR/writer.out")
all_there() { [ "$(count 'COUNT(*)')" -ge "$sum" ]; }
ok "each of $sum events is a row" wait_for -t 120 all_there
ok 'nothing is left in the stream' wait_for -t 60 nats_has_none
is "$(count 'COUNT(*)')" "$sum" 'there is no row more'
is "$(count "COUNT(DISTINCT json_extract(payload,'\$.id'))")" "$sum" 'nor one twice'
is "$(find "$DIR/a/ready" "$DIR/b/ready" "$DIR/c/ready" -name '*.ndjson' | wc -l)" 0 \
	'no file is left'
is "$(find "$DIR/b/rejected" "$DIR/c/rejected" -type f | wc -l)" 0 \
	'none was rejected'
done_testing
