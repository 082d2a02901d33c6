#!/usr/bin/env bash
# kill -9 at any instant, many times, while writers append under the lock as
# logrecv does: each line is there once, and no file grew after its hand-over.
. "$(dirname "$0")/../lib.sh"

# writer BUFFER N ENOUGH: appends numbered lines until the file ENOUGH is there,
# opening a new one when the old one moved; prints how many
cat >"$DIR/writer" <<'PERL'
use strict; use warnings;
use Fcntl qw(:flock O_WRONLY O_CREAT O_EXCL O_APPEND);
use POSIX qw(strftime);
my ($buffer, $writer, $enough) = @ARGV;
my ($fh, $path, $files, $line) = (undef, undef, 0, 0);
while (!-e $enough) {
	$line++;
	while (1) {
		if (!$fh) {
			$path = sprintf "%s/%s.%06dZ-test-%d-%d.ndjson", $buffer,
			    strftime("%Y%m%dT%H%M%S", gmtime), $files % 1000000,
			    $writer, ++$files;
			sysopen($fh, $path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND)
			    or die "$path: $!";
		}
		flock($fh, LOCK_EX) or die "flock: $!";
		my $named = (stat $path)[1];
		my $held = (stat $fh)[1];
		last if defined $named && $named == $held;
		close $fh;
		undef $fh;
	}
	my $text = "{\"id\":\"$writer-$line\"}\n";
	syswrite($fh, $text) == length $text or die "write: $!";
	flock($fh, LOCK_UN) or die "flock: $!";
	select undef, undef, undef, 0.0001; # where logrecv syncs
}
print "$line\n";
PERL

spool_new
mkdir -p "$SPOOL/buffer"
for i in 1 2 3; do
	start "writer$i" perl "$DIR/writer" "$SPOOL/buffer" "$i" "$DIR/enough"
done
for kill in {1..10}; do
	logbatch_start --max-size=2kB --max-age=100ms --log-level=warn
	sum=$(files ready)
	wait_for -t 1 eval "[ \$(files ready) -gt $((sum + RANDOM % 5)) ]"
	kill_hard logbatch || give_up "kill $kill"
done
: >"$DIR/enough"
for i in 1 2 3; do
	ok "writer$i ends" wait_exit "writer$i" 60
	is "$STATUS" 0 "writer$i had no error"
done
run logbatch --once --spool "$SPOOL" --log-level=warn
is "$STATUS" 0 'the next run takes over what is left'
is "$(files buffer)" 0 'all of it'
written=$(cat "$DIR"/writer?.out | paste -s -d + -)
is "$(lines ready)" "$((written))" "each of $written lines is there"
is "$(spool_lines ready | sort -u | wc -l)" "$((written))" 'once'
done_testing
