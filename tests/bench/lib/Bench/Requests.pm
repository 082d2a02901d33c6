package Bench::Requests;

# logrecv under wrk, and the two servers that it is compared with.

use strict;
use warnings;
use Compress::Zlib ();
use Exporter 'import';
use Bench;

our @EXPORT = qw(requests ndjson tls event_of wrk serve load_nowhere stop_serving);

# An event of that many bytes, as logsend makes them.
sub event_of {
	my ($bytes) = @_;
	my $head = $bytes < 100 ? '{"event":"user_login","message":"'
	    : '{"id":"bench-000000001","event":"user_login","user_id":71234,'
	    . '"level":"info","message":"';
	my $text = 'request served from cache after retry, ' x
	    (1 + $bytes / 39);
	return $head . substr($text, 0, $bytes - 2 - length $head) . '"}';
}

# Options for one of the kind that most have, made once.
my @certificate;
sub certificate {
	return @certificate if @certificate;
	my ($key, $cert) = (scratch('key'), scratch('cert'));
	run('openssl', 'openssl', qw(req -x509 -nodes -newkey ec -pkeyopt
		ec_paramgen_curve:P-256 -subj /CN=localhost -keyout), $key,
		'-out', $cert);
	return @certificate = ('--tls-key', $key, '--tls-cert', $cert);
}

# Starts a server with as many threads as it has by itself: one a CPU, and
# logrecv one for two CPUs.
sub serve {
	my ($kind, @under) = @_;
	my %programs = (responder => ["$BUILD/tests/bench/responder"],
		evhttp => ["$BUILD/tests/bench/evhttp"]);
	my $spool = scratch('spool');
	my $tls = $kind eq 'https';
	my $command = $programs{$kind} // ["$BUILD/logrecv", '--listen',
		'127.0.0.1:0' . ($tls ? ',tls' : ''), '--admin-listen',
		'127.0.0.1:0', '--spool', $spool, '--spool-limit', '0',
		'--ack', $tls ? 'synced' : $kind, $tls ? certificate() : ()];
	my $p = spawn($programs{$kind} ? $kind : 'logrecv', @under,
		@$command);
	$p->{spool} = $programs{$kind} ? undef : $spool;
	$p->{url} = ($tls ? 'https://' : 'http://') . wait_listening($p) .
	    '/log';
	return $p;
}

# Hands files over and removes them, as when they are loaded. So the memory that
# holds them is used again, as in any pipeline that has run for a while: a
# virtual machine may need longer to get memory that it has not used lately
# than logrecv needs for all that it does.
sub load_nowhere {
	my ($p) = @_;
	my $reap = 'while (1) { unlink glob "$ARGV[0]/ready/*"; '
	    . 'select undef, undef, undef, 0.05 }';
	return if !defined $p->{spool};
	$p->{beside} = [
		spawn('logbatch', "$BUILD/logbatch", '--spool', $p->{spool}),
		spawn('reaper', $^X, '-e', $reap, $p->{spool})];
	return;
}

# A written file is removed before it reaches the disk: no later measurement
# pays for the writing.
sub stop_serving {
	my ($p) = @_;
	stop($_, 'KILL') for @{$p->{beside} // []};
	stop($p);
	system 'rm', '-rf', $p->{spool} if defined $p->{spool};
	return;
}

# Requests a second that were answered with 2xx, the 99th percentile, and how
# many were sent.
sub wrk {
	my ($server, $connections, $body) = @_;
	my $threads = $connections < $SETTING{threads} ? $connections
	    : $SETTING{threads};
	my $out = run('wrk', 'wrk', '-t', $threads, '-c', $connections, '-d',
		$SETTING{seconds}, '--timeout', '10s', '-s', "$HERE/post.lua",
		$server->{url}, '--', $body);
	my %got = $out =~ /(\w+)=(\d+)/g;
	die "wrk said: $out\n" unless $got{us};
	say("  $got{refused} refused, $got{failed} failed of $got{requests}")
	    if $got{refused} || $got{failed};
	return (($got{requests} - $got{refused}) / $got{us} * 1e6,
		$got{p99_us} / 1000, $got{requests});
}

# Each of the servers once, begun with another one in each round.
sub compare {
	my ($round, $what, $connections, $body, $events, @kinds) = @_;
	for my $kind (rotated($round, @kinds)) {
		my $server = serve($kind);
		load_nowhere($server) if $events > 1;
		my $cpu = cpu_us($server);
		my ($rate, $p99, $sent) = wrk($server, $connections, $body);
		sample("$what $connections $kind us", (cpu_us($server) - $cpu) /
			$sent / $events);
		sample("$what $connections $kind", $rate * $events);
		sample("$what $connections $kind p99 ms", $p99)
		    if $kind eq 'synced';
		stop_serving($server);
	}
	return;
}

sub requests {
	my $body = spill(scratch('body'), event_of(204));
	my @connections = (256, 64, 16);
	for my $round (0 .. $SETTING{rounds} - 1) {
		say('requests, round ', $round + 1);
		compare($round, 'post', $_, $body, 1,
			qw(synced responder evhttp written))
		    for @connections;
	}
	my %target = (256 => '0.80; 100,000/s', 64 => '0.60', 16 => '0.40');
	result("events/s, $_ connections, synced : responder",
		"post $_ synced", "post $_ responder", $target{$_})
	    for @connections;
	result("events/s, $_ connections, synced : evhttp", "post $_ synced",
		"post $_ evhttp", '1.5')
	    for @connections;
	result("events/s, $_ connections, synced : written",
		"post $_ synced", "post $_ written", $_ == 256 ? '0.85' : '')
	    for @connections;
	result("p99 of synced acks, $_ connections, ms",
		"post $_ synced p99 ms")
	    for @connections;
	memory('logrecv, single events', '64 MiB');
	return;
}

# Events that differ from each other about as real ones do, compressed.
sub packed {
	my ($count) = @_;
	my $plain = join "", map {
		my $text = event_of(204);
		$text =~ s/000000001/sprintf "%09d", rand 1e9/e;
		$text =~ s/71234/sprintf "%05d", rand 1e5/e;
		$text =~ s/after retry/sprintf "%011x", rand 2**44/e;
		"$text\n" } 1 .. $count;
	return Compress::Zlib::memGzip($plain);
}

sub ndjson {
	my $count = 1000;
	my $line = event_of(204) . "\n";
	my $body = spill(scratch('body'), $line x $count);
	my $packed = spill(scratch('body') . '.gz', packed($count));
	for my $round (0 .. $SETTING{rounds} - 1) {
		say('ndjson, round ', $round + 1);
		compare($round, 'ndjson', 16, $body, $count,
			qw(synced responder written));
		compare($round, 'gzip', 16, $packed, $count, 'synced');
	}
	result('events/s, NDJSON of 1,000, synced : responder',
		'ndjson 16 synced', 'ndjson 16 responder', '1,000,000/s');
	result('events/s, NDJSON of 1,000, synced : written',
		'ndjson 16 synced', 'ndjson 16 written');
	result('events/s, gzip of that : as it is', 'gzip 16 synced',
		'ndjson 16 synced', '400,000/s');
	memory('logrecv, NDJSON of 1,000', '64 MiB');
	return;
}

# In one run, since the machine is another one in the next.
sub tls {
	my $count = 1000;
	my $line = event_of(204);
	my $one = spill(scratch('body'), $line);
	my $many = spill(scratch('body'), "$line\n" x $count);
	for my $round (0 .. $SETTING{rounds} - 1) {
		say('tls, round ', $round + 1);
		compare($round, 'tls', 256, $one, 1, qw(synced https));
		compare($round, 'tls', 16, $many, $count, qw(synced https));
	}
	for (['256 connections', 256, '0.60'],
		['NDJSON of 1,000', 16, '0.50']) {
		my ($what, $n, $least) = @$_;
		result("events/s, $what, https : plain", "tls $n https",
			"tls $n synced", $least);
		result("of logrecv's CPU, us an event", "tls $n https us",
			"tls $n synced us", '', inverse => 1);
	}
	return;
}

sub memory {
	my ($what, $target) = @_;
	result_text("peak memory of $what, MiB",
		number(take_peak('logrecv') / 1024), '', '', $target);
	return;
}

1;
