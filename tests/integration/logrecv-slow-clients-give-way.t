#!/usr/bin/env bash
# Who holds much and brings little keeps nobody else out: the slowest bodies are
# ended when there is no room, those of the address that holds most before
# others, and each that comes more slowly than --min-rate.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# hold NAME COUNT BYTES ADDRESS: so many bodies that want one more byte; its
# stdout is what they are answered
hold() {
	start "$1" perl -MIO::Socket::INET -MIO::Select -e '
		$| = 1;
		my ($port, $count, $bytes, $address) = @ARGV;
		my $select = IO::Select->new;
		for (1 .. $count) {
			my $s = IO::Socket::INET->new(LocalAddr => $address,
			    PeerAddr => "127.0.0.1:$port") or die;
			my $data = "POST /log HTTP/1.1\r\nHost: a\r\n" .
			    "Content-Length: $bytes\r\n\r\n" . " " x ($bytes - 1);
			while (length $data) {
				my $n = syswrite($s, $data, 65536) or last;
				substr($data, 0, $n) = "";
			}
			$select->add($s);
		}
		print STDERR "held\n";
		while ($select->count) {
			for my $s ($select->can_read) {
				sysread $s, my $text, 65536;
				print "$1\n" if $text =~ /^HTTP\S+ (\d+)/;
				$select->remove($s);
			}
		}' "$PORT" "$2" "$3" "${4:-127.0.0.1}"
	wait_log "$1" '^held' || give_up 'nothing is held'
}

# An event of a million bytes, in lines.
for i in $(seq 1 1000); do
	printf '{"i":%d,"pad":"%01000d"}\n' "$i" 0
done >"$DIR/batch"

batch() {
	http POST /log --data-binary "@$DIR/batch"
	[ "$CODE" = 200 ]
}

spool_new
logrecv_start --workers=1 --min-rate=0
ok 'a batch is taken' batch
# What bodies may take in all, of 32 MiB.
hold slow 3 8388600
# Nothing of them is on its way (proc(5), /proc/net/tcp): a scrape would want
# some of the room.
are_read() {
	awk -v port="$(printf ':%04X' "$PORT")" '
		index($2 $3, port) && $5 !~ /^0+:0+$/ { busy = 1 }
		END { exit busy }' /proc/net/tcp
}
ok 'three bodies are read but for a byte each' wait_for are_read
for i in 1 2 3; do
	ok "batch $i is taken beside three bodies that stand still" wait_for batch
done
ended_for_room() {
	[ "$(scrape 'logrecv_ended_connections_total{reason="in-flight"}')" -ge 1 ]
}
ok 'some of them were ended, and it is counted' wait_for ended_for_room
was_told() {
	grep -q '^503' "$DIR/slow.out"
}
ok 'with a 503' wait_for was_told
num "$(grep -c . "$DIR/slow.out")" -le 2 'no more of them than must be'
is "$(stored | wc -l)" 4000 'each batch is stored, once'
stop slow KILL

# One slow body that is in nobody's way goes on, whatever its address sends.
hold patient 1 1000000
for i in 1 2 3 4 5 6 7 8; do
	start "client$i" curl -q -sS -o "$DIR/client$i.answer" \
		--data-binary "@$DIR/batch" "$URL/log"
done
for i in 1 2 3 4 5 6 7 8; do
	wait_exit "client$i"
done
is "$(cat "$DIR"/client*.answer | grep -o '"accepted":1000' | wc -l)" 8 \
	'eight batches at once are taken beside a slow body'
is "$(cat "$DIR/patient.out")" '' 'which is not ended'
stop patient KILL
stop logrecv
is "$STATUS" 0 'it ends with status 0'

# An address that holds most of all there is gives way to others, at work or
# not: its bodies come fast enough to be no slow ones.
spool_new
logrecv_start --workers=1
start greedy perl -MIO::Socket::INET -e '
	my $port = shift;
	my @open = map {
		my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.2",
		    PeerAddr => "127.0.0.1:$port") or die;
		syswrite $s, "POST /log HTTP/1.1\r\nHost: a\r\n" .
		    "Transfer-Encoding: chunked\r\n\r\n";
		$s->blocking(0);
		$s } 1 .. 40;
	$SIG{PIPE} = "IGNORE";
	my $chunk = sprintf "%x\r\n%s\r\n", 20_000, " " x 20_000;
	for my $round (1 .. 1000) {
		syswrite $_, $chunk for @open;
		print STDERR "greedy\n" if $round == 50;
		select undef, undef, undef, 0.05;
	}' "$PORT"
wait_log greedy '^greedy' || give_up 'nobody is greedy'
for i in 1 2 3; do
	ok "batch $i of another address is taken" wait_for -t 5 batch
done
stop greedy KILL
stop logrecv
is "$STATUS" 0 'it ends with status 0'

# What waits for the disk is of nobody's making room: an address that has much
# of it leaves some to others.
spool_new
faults_start --workers=1 --max-in-flight=1MB
: >"$FAULTS/hold"
for i in $(seq 1 40); do
	start "much$i" curl -q -sS --interface 127.0.0.2 -o "$DIR/much$i.answer" \
		-d "{\"pad\":\"$(printf '%030000d' 0)\"}" "$URL/log"
done
much_is_refused() {
	grep -q '"error"' "$DIR"/much*.answer
}
ok 'an address may not have all that waits for the disk' \
	wait_for much_is_refused
start other curl -q -sS -o "$DIR/other.answer" \
	-d "{\"pad\":\"$(printf '%0100000d' 0)\"}" "$URL/log"
not_ok 'another one is not refused meanwhile' wait_for -t 1 test -s "$DIR/other.answer"
rm "$FAULTS/hold"
wait_exit other
is "$(cat "$DIR/other.answer")" '{"accepted":1}' 'and is acknowledged'
for i in $(seq 1 40); do
	wait_exit "much$i"
done
stop logrecv
is "$STATUS" 0 'it ends with status 0'

# A least rate, measured over ten seconds; and words for what never ends.
spool_new
logrecv_start --workers=1 --min-rate=100kB
drip() {
	for _ in $(seq 1 $((300 * WAIT_SCALE))); do
		echo '{"tail":"-f"}'
		sleep 0.1
	done
}
drip | curl -q -sS -m "$((40 * WAIT_SCALE))" -T - -o "$DIR/endless" \
	-w '%{http_code} %{time_total}\n' "$URL/log" >"$DIR/endless.code" 2>&1 &
endless=$!
hold slow 1 9000000
wait "$endless"
read -r code seconds <"$DIR/endless.code"
is "$code" 408 'an upload that drips is ended'
num "${seconds%.*}" -lt $((20 * WAIT_SCALE)) 'before it has to be'
like "$(cat "$DIR/endless")" '"error":".*--min-rate \(100000 .*many requests' \
	'and told what to do instead'
slow_is_told() {
	grep -q '^408' "$DIR/slow.out"
}
ok 'so is a body that stands still' wait_for slow_is_told
ok 'nothing of either is stored' nothing_stored
ok 'others are served' send_event '{}'
stop slow KILL
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
