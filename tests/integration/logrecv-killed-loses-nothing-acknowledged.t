#!/usr/bin/env bash
# kill -9 under load, several times: every event that was acknowledged before
# is in the files, whole, and the next start goes on with new ones.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

spool_new
: >"$DIR/acked"
acked() {
	[ "$(wc -l <"$DIR/acked.$1")" -ge 300 ]
}
for round in 1 2 3 4 5; do
	NAME=recv$round logrecv_start --workers=2
	: >"$DIR/acked.$round"
	start "send$round" perl -MIO::Socket::INET -MIO::Select -e '
		my ($port, $round, $acked) = @ARGV;
		open(my $out, ">>", $acked) or die;
		$out->autoflush(1);
		$SIG{PIPE} = "IGNORE";
		my $select = IO::Select->new;
		my (%sent, $n);
		sub post {
			my ($s) = @_;
			my @ids = map { "$round-" . ++$n } 1 .. 1 + $n % 5;
			my $body = join "", map { "{\"id\":\"$_\"}\n" } @ids;
			syswrite($s, "POST /log HTTP/1.1\r\nHost: a\r\n" .
			    "Content-Length: " . length($body) . "\r\n\r\n$body");
			push @{$sent{$s}}, \@ids;
		}
		for (1 .. 16) {
			my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;
			$select->add($s);
			post($s), post($s);
		}
		while ($select->count) {
			for my $s ($select->can_read(10)) {
				my $got;
				if (!sysread($s, $got, 65536)) {
					$select->remove($s);
					next;
				}
				# An answer ends in its body, which comes in one piece here.
				while ($got =~ /\{"accepted":\d+\}/g) {
					print $out map { "$_\n" } @{shift @{$sent{$s}}};
					post($s);
				}
			}
		}' "$PORT" "$round" "$DIR/acked.$round"
	ok "round $round: events are acknowledged" wait_for acked "$round"
	kill_hard "recv$round"
	wait_exit "send$round"
	cat "$DIR/acked.$round" >>"$DIR/acked"
done
sort "$DIR/acked" >"$DIR/acked.sorted"
stored | sed -n 's/^{"id":"\([^"]*\)","@received_at":"[^"]*"}$/\1/p' | sort \
	>"$DIR/stored.sorted"
note "acknowledged: $(wc -l <"$DIR/acked"), stored: $(stored | wc -l)"
is "$(comm -23 "$DIR/acked.sorted" "$DIR/stored.sorted" | wc -l)" 0 \
	'every acknowledged event is in a file'
is "$(uniq -d "$DIR/stored.sorted" | wc -l)" 0 'once'
num "$(files buffer)" -ge 5 'each start had files of its own'
run logbatch --spool="$SPOOL" --once
is "$STATUS $(files buffer)" '0 0' 'logbatch takes over what the dead have left'
done_testing
