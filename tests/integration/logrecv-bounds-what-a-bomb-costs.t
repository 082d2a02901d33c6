#!/usr/bin/env bash
# A few compressed bytes that become gigabytes cost no more memory than the
# limits say, and other clients do not notice; nor do thousands of bodies that
# never end cost more, each of which needs a decoder.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

peak_kb() {
	awk '/^VmHWM/ { print $2 }' "/proc/$(pid logrecv)/status"
}

# Ten gigabytes of zeros in ten megabytes: gzip of a piece that needs nothing
# of the one before.
perl -MCompress::Raw::Zlib -e '
	my ($z) = Compress::Raw::Zlib::Deflate->new(-WindowBits => WANT_GZIP,
	    -AppendOutput => 1);
	my $zeros = "\0" x (4 << 20);
	my ($first, $piece) = ("", "");
	$z->deflate($zeros, $first); $z->flush($first, Z_FULL_FLUSH);
	$z->deflate($zeros, $piece); $z->flush($piece, Z_FULL_FLUSH);
	print $first, $piece x 2400' >"$DIR/gzip"
# A frame of zstd: 4 bytes for each 128 KiB (RFC 8878, section 3.1.1.2.2).
perl -e 'print "(\xb5/\xfd\0\x58", "\2\0\x10\0" x 80000' >"$DIR/zstd"
# What is a good request after all: an event behind as many blanks as fit.
{ printf '%9999990s' ''; printf '{"a":1}'; } | gzip >"$DIR/blanks"
gzip <"$DIR/blanks" >"$DIR/nested"

# drop CODING FILE STATUS: again and again; each must get that
drop() {
	start "$2" perl -MIO::Socket::INET -e '
		my ($port, $coding, $path, $want) = @ARGV;
		my $count = 0;
		$SIG{PIPE} = "IGNORE";
		open my $f, "<:raw", $path or die;
		my $body = do { local $/; <$f> };
		for (;;) {
			my $s = IO::Socket::INET->new(
			    PeerAddr => "127.0.0.1:$port") or die;
			my $data = "POST /log HTTP/1.1\r\nHost: a\r\n" .
			    "Content-Encoding: $coding\r\nContent-Length: " .
			    length($body) . "\r\nConnection: close\r\n\r\n$body";
			for (my $at = 0; $at < length $data;) {
				my $n = syswrite($s, $data, 65536, $at) or last;
				$at += $n;
			}
			my $answer = do { local $/; <$s> } // "";
			$answer =~ /^HTTP\/1.1 $want / or die "got: $answer\n";
			print STDERR "dropped\n" if !$count++;
		}' "$PORT" "$1" "$DIR/$2" "$3"
}

# How long another client waits at most, in ms, of so many requests.
slowest() {
	local begin most=0 took

	for _ in $(seq 1 "$1"); do
		begin=$(now_ms)
		send_event '{"other":1}' || return
		took=$(($(now_ms) - begin))
		[ "$took" -le "$most" ] || most=$took
	done
	echo "$most"
}

spool_new
logrecv_start --workers=1 --max-in-flight=64MiB
send_event '{}'
before=$(peak_kb)
drop gzip gzip 413
drop zstd zstd 413
drop gzip blanks 200
drop gzip nested 400
for name in gzip zstd blanks nested; do
	ok "$name is answered as it should be" wait_log "$name" '^dropped'
done
took=$(slowest 20)
note "another client waits for $took ms at most"
num "${took:-99999}" -lt $((10000 * WAIT_SCALE)) 'others are served meanwhile'
for name in gzip zstd blanks nested; do
	ok "$name goes on" alive "$name"
	stop "$name" KILL
done
ok 'nothing is left in flight' wait_for sample_is logrecv_in_flight_bytes 0
after=$(peak_kb)
note "peak memory: $before kB before, $after kB after"
# What a body or lines have may be twice as much while it grows. Sanitizers need
# memory of their own.
grep -q fsanitize "$BUILD/flags" ||
	num $((after - before)) -lt $((160 * 1024)) 'memory is bounded'
stop logrecv
is "$STATUS" 0 'it ends with status 0'

# A decoder needs some 40 KB, and one of zstd up to 8 MB: 300 would need 12 MB
# or more.
spool_new
logrecv_start --workers=1 --max-in-flight=4MiB --min-rate=0
start half perl -MIO::Socket::INET -e '
	my ($port, @paths) = @ARGV;
	my @open;
	$SIG{PIPE} = "IGNORE";
	for (0 .. 299) {
		open my $f, "<:raw", $paths[$_ % @paths] or die;
		read $f, my $body, 20;
		my $coding = $paths[$_ % @paths] =~ /zstd/ ? "zstd" : "gzip";
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
		    or next;
		syswrite $s, "POST /log HTTP/1.1\r\nHost: a\r\n" .
		    "Content-Encoding: $coding\r\nContent-Length: 9000\r\n\r\n$body";
		push @open, $s;
	}
	print STDERR "half\n";
	sleep 60' "$PORT" "$DIR/gzip" "$DIR/zstd"
wait_log half '^half' || give_up 'cannot send'
in_flight_over() {
	[ "$(scrape logrecv_in_flight_bytes)" -gt "$1" ]
}
ok 'bodies that have only begun are counted, with their decoders' \
	wait_for in_flight_over 1000000
num "$(scrape logrecv_in_flight_bytes)" -le $((4 << 20)) \
	'they keep within --max-in-flight'
ok 'others are served' send_event '{"a":1}'
stop half KILL
ok 'all is given back when they go' wait_for sample_is logrecv_in_flight_bytes 0
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
