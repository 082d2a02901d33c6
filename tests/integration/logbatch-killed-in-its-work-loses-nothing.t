#!/usr/bin/env bash
# kill -9 at any instant, many times, while writers append under the lock as
# logrecv does: each line is there once, and no file grew after its hand-over.
. "$(dirname "$0")/../lib.sh"

# writer N: appends numbered lines, opening a new file when the old one moved
cat >"$DIR/writer" <<'PERL'
use strict; use warnings;
use Fcntl qw(:flock O_WRONLY O_CREAT O_EXCL O_APPEND);
use POSIX qw(strftime);
my ($buffer, $writer, $lines) = @ARGV;
my ($fh, $path, $files) = (undef, undef, 0);
for my $line (1 .. $lines) {
	while (1) {
		if (!$fh) {
			$path = sprintf "%s/%s.%06dZ-test-%d-%d.ndjson", $buffer,
			    strftime("%Y%m%dT%H%M%S", gmtime), $files % 1000000,
			    $writer, ++$files;
			sysopen($fh, $path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND)
			    or die "$path: $!";
		}
		flock($fh, LOCK_EX) or die "flock: $!";
		my ($named, $held) = ((stat $path)[1], (stat $fh)[1]);
		last if defined $named && $named == $held;
		close $fh;
		undef $fh;
	}
	my $text = "{\"id\":\"$writer-$line\"}\n";
	syswrite($fh, $text) == length $text or die "write: $!";
	flock($fh, LOCK_UN) or die "flock: $!";
}
PERL

spool_new
mkdir -p "$SPOOL/buffer"
writers=()
for i in 1 2 3; do
	start "writer$i" perl "$DIR/writer" "$SPOOL/buffer" "$i" 60000
	writers+=("writer$i")
done

writing() {
	local w

	for w in "${writers[@]}"; do
		alive "$w" && return 0
	done
	return 1
}

kills=0
while writing; do
	logbatch_start --max-size=2kB --max-age=100ms --log-level=warn
	sum=$(files ready)
	wait_for -t 1 eval "[ \$(files ready) -gt $((sum + RANDOM % 5)) ]"
	kill_hard logbatch
	kills=$((kills + 1))
	[ "$kills" -lt 500 ] || break
done
num "$kills" -ge 3 "killed $kills times"
for w in "${writers[@]}"; do
	ok "$w ends" wait_exit "$w" 60
	is "$STATUS" 0 "$w had no error"
done
run logbatch --once --spool "$SPOOL" --log-level=warn
is "$STATUS" 0 'the next run takes over what is left'
is "$(files buffer)" 0 'all of it'
is "$(lines ready)" 180000 'each line is there'
is "$(spool_lines ready | sort -u | wc -l)" 180000 'once'
done_testing
