#!/usr/bin/env bash
# Another loader that has claimed a file may die, or give it up: ours must come
# back to it soon, although no event tells of that. And what locks the file
# itself, as its writer and logbatch do, is nothing to a loader.
# shellcheck disable=SC2016 # the code in quotes is Perl
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"

spool_new
db_start
logload_start
ok 'logload is ready' wait_log logload ' ready '

# All claims there can be: F_OFD_SETLK, F_WRLCK, the whole of the file.
mkfifo "$DIR/fifo"
start claimant perl -e '
	open my $lock, "+<", "$ARGV[0]/ready/.lock" or die "open: $!";
	my $all = pack("s s x4 q q i x4", 1, 0, 0, 0, 0);
	fcntl($lock, 37, $all) or die "fcntl: $!";
	$| = 1;
	print "claimed\n";
	open my $fifo, "<", $ARGV[1];
	<$fifo>' "$SPOOL" "$DIR/fifo"
ok 'another one claims all files' \
	wait_for grep -q claimed "$DIR/claimant.out"
held=20260101T000000.000000Z-h-1-1.ndjson
echo '{"n":1}' >"$SPOOL/buffer/$held"
exec 8<"$SPOOL/buffer/$held"
flock 8
mv "$SPOOL/buffer/$held" "$SPOOL/ready/$held"
is "$(rows)" 0 'and leaves it alone'
started=$(now_ms)
kill_hard claimant
ok 'once let go, it is loaded, whoever holds its flock' wait_rows 1
num $(($(now_ms) - started)) -lt $((6000 * WAIT_SCALE)) 'within 6 s'
ok 'and logload stops' stop logload
done_testing
