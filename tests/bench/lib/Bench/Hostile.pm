package Bench::Hostile;

# What 10,000 connections that mean no good can make logrecv hold, with default
# options: memory of its own, and of its sockets.

use strict;
use warnings;
use Exporter 'import';
use IO::Socket::INET;
use Time::HiRes qw(sleep);
use Bench;
use Bench::Requests;

our @EXPORT = qw(hostile);

my $POST = "POST /log HTTP/1.1\r\nHost: a\r\n";
my $METRICS = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
my $EVENT = event_of(204);
my $WHOLE = sprintf "%sContent-Length: %d\r\n\r\n%s", $POST, length $EVENT,
    $EVENT;

# What each connection sends, as much of it as is taken, and reads nothing.
my %SENT = (
	'headers that do not end' => $POST . 'X: ' . 'x' x 16_000,
	'bodies that do not end' => $POST . "Content-Length: 9000000\r\n\r\n" .
	    ' ' x 65_536,
	'answers that are not read' => $METRICS x 400,
	'events, answers not read' => $WHOLE x 200,
	'events while the sync hangs' => $WHOLE x 200,
	# The begin of a hello (RFC 8446, section 4) of 16,000 bytes.
	'handshakes that do not end' => pack('CnnC xn x100', 22, 0x301,
		16_004, 1, 16_000),
);

# rlimit: as many descriptors as there may be.
sub limit_files {
	return ('sh', '-c', 'ulimit -n $(ulimit -Hn); exec "$@"', '-');
}

# The sending side, a process of its own: it tells when all have sent.
sub attack {
	my ($port, $count, $data) = @_;
	my @open;
	for my $i (1 .. $count) {
		# Of a few addresses: a host has 28,000 ports for each.
		my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		    PeerPort => $port, LocalAddr => '127.0.0.' . (2 + $i % 8),
		    Timeout => 10) or next;
		$s->blocking(0);
		push @open, [$s, 0];
		syswrite $s, $data;
	}
	for (1 .. 20) {
		for my $c (@open) {
			my $n = syswrite $c->[0], $data, length($data), $c->[1];
			$c->[1] = ($c->[1] + ($n // 0)) % length $data;
		}
		sleep 0.2;
	}
	print scalar(@open), " sent\n";
	sleep 1 while 1;
	return;
}

# Bytes of the sockets of a port, as the kernel counts them (ss(8), skmem).
sub socket_bytes {
	my ($port) = @_;
	my $sum = 0;
	open my $ss, '-|', 'ss', '-tmnHO', 'sport', '=', ":$port" or return 0;
	while (<$ss>) {
		my ($r, $f, $w) =
		    /skmem:\(r(\d+),rb\d+,t\d+,tb\d+,f(\d+),w(\d+)/ or next;
		$sum += $r + $f + $w;
	}
	close $ss;
	return $sum;
}

sub run_attack {
	my ($kind, $count) = @_;
	my @hold = $kind =~ /sync/ ? faults() : ();
	my $server = serve($kind =~ /^handshakes/ ? 'https' : 'synced', @hold,
		limit_files());
	# The metrics are where operators come in.
	my ($port) = $server->{url} =~ /:(\d+)/;
	wait_until('it listens for operators', 20, sub {
		($port) = slurp($server->{err}) =~
		    /operators address=[\d.]+:(\d+)/;
	}) if $kind =~ /^answers/;
	my $program = "use lib '$HERE/lib'; use Bench::Hostile; "
	    . 'Bench::Hostile::begin(@ARGV)';
	my $attack = spawn('attack', limit_files(), $^X, '-e', $program,
		$port, $count, $kind);
	my $most = 0;
	wait_until("attack: $kind", 300, sub {
		my $now = socket_bytes($port);
		$most = $now if $now > $most;
		return slurp($attack->{out}) =~ /sent/;
	});
	my ($sent) = slurp($attack->{out}) =~ /(\d+) sent/;
	result_text("$sent connections, $kind: memory, MiB",
		number(peak_kib($server) / 1024), '', '', 'under 256');
	result_text("$sent connections, $kind: of sockets, MiB",
		number($most / 2**20), '', '', 'under 256');
	stop($attack, 'KILL');
	stop($server, 'KILL');
	system 'rm', '-rf', $server->{spool};
	return;
}

# In the attacking process.
sub begin {
	my ($port, $count, $kind) = @_;
	$| = 1;
	local $SIG{PIPE} = 'IGNORE';
	return attack($port, $count, $SENT{$kind});
}

# A library that lets no sync return.
sub faults {
	my $dir = scratch('faults');
	mkdir $dir;
	run('cc', 'cc', '-D_GNU_SOURCE', '-O1', '-shared', '-fPIC', '-o',
		"$dir/faults.so", "$HERE/../integration/logrecv-faults.c", '-ldl');
	spill("$dir/hold", '');
	return ('env', "LD_PRELOAD=$dir/faults.so", "FAULTS=$dir");
}

sub hostile {
	system('command -v ss >/dev/null 2>&1') == 0
	    or die "ss is missing: apt-get install iproute2\n";
	run_attack($_, $SETTING{connections}) for sort keys %SENT;
	return;
}

1;
