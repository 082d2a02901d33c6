#!/usr/bin/env bash
# Clients that keep their connections full of requests, whatever these are for,
# delay nobody: others are acknowledged, idle ones are ended, and the clock that
# stamps events goes on.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# flood COUNT REQUEST PORT: pipelines it for ever on so many connections, and reads
# all answers
flood() {
	start flood perl -MIO::Socket::INET -MIO::Select -e '
		my ($port, $count, $request) = @ARGV;
		my $data = $request x (1 + 60_000 / length $request);
		my %at;
		my $select = IO::Select->new(map {
			my $s = IO::Socket::INET->new(
			    PeerAddr => "127.0.0.1:$port") or die;
			$s->blocking(0);
			$at{$s} = 0;
			$s } 1 .. $count);
		my ($told, $rounds) = (0, 0);
		while (1) {
			my ($r, $w) = IO::Select->select($select, $select, undef, 1);
			sysread $_, my $x, 1 << 20 for @$r;
			for my $s (@$w) {
				my $n = syswrite $s, $data, length $data, $at{$s};
				$at{$s} = ($at{$s} + ($n // 0)) % length $data;
			}
			print STDERR "flooding\n" if ++$rounds == 100;
		}' "$3" "$1" "$2"
	wait_log flood '^flooding' || give_up 'no flood comes about'
}

# beside WHAT COUNT REQUEST [PORT]
beside() {
	start idle bash -c "exec 3<>/dev/tcp/127.0.0.1/$PORT; cat <&3"
	flood "$2" "$3" "${4:-$PORT}"
	for _ in 1 2 3; do
		post "{\"at\":$(date +%s)}" --max-time "$((5 * WAIT_SCALE))"
		is "$CODE" 200 "an event is acknowledged beside $1"
	done
	ok '  and an idle connection is ended' wait_exit idle
	kill_hard flood
	perl -ne '
		/"at":(\d+),"@received_at":"[^T]*T\d\d:(\d\d):(\d\d)/ or next;
		my $off = ($2 * 60 + $3 - $1) % 3600;
		$bad = "$off s: $_" if $off > 5 * $ENV{WAIT_SCALE} && $off < 3595;
		END { print $bad // "" }' "$SPOOL"/buffer/* >"$DIR/off"
	is "$(cat "$DIR/off")" '' '  and its stamp is of the time when it came'
}

export WAIT_SCALE
spool_new
logrecv_start --workers=1 --idle-timeout=1s --max-in-flight=64MiB
beside 'a client that pipelines GET' 1 "$(get /healthz)"$'\r\n\r\n'
beside '16 that want the metrics' 16 "$(get /metrics)"$'\r\n\r\n' \
	"$ADMIN_PORT"
beside '16 that pipeline events' 16 "$(request '{}')"
beside 'one that sends what is refused' 1 "$(request 'x')"
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
