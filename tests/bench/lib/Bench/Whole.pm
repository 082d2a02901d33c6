package Bench::Whole;

# The whole pipeline: at a constant rate, and at rest.

use strict;
use warnings;
use Exporter 'import';
use Bench;

our @EXPORT = qw(whole idle);

my $BATCH = 100;

sub start_pipeline {
	my ($db, $spool) = @_;
	my @tools = (spawn('logrecv', "$BUILD/logrecv", '--listen',
			'127.0.0.1:0', '--admin-listen', '127.0.0.1:0', '--spool',
			$spool),
		spawn('logbatch', "$BUILD/logbatch", '--spool', $spool),
		spawn('logload', $db->logload('--spool', $spool,
			'--jobs', $SETTING{jobs})));
	return ('http://' . wait_listening($tools[0]) . '/log', @tools);
}

# Looks at the pipeline each second while logsend runs.
sub watch {
	my ($db, $spool, $sender) = @_;
	my @seen;
	my $next = now();
	while (waitpid($sender->{pid}, POSIX::WNOHANG) == 0) {
		if (now() >= $next) {
			my ($files, $bytes) = folder_bytes("$spool/ready");
			push @seen, {files => $files, bytes => $bytes,
				events => $db->events, at => now()};
			$next += 1;
		}
		Time::HiRes::sleep(0.02);
	}
	$sender->{exit} = $? >> 8;
	finish($sender);
	return @seen;
}

# All that was acknowledged becomes rows: hands over and waits.
sub drain {
	my ($db, $spool, $acked) = @_;
	my $start = now();
	run('logbatch', "$BUILD/logbatch", '--spool', $spool, '--once');
	wait_until('what was acknowledged is loaded', 300, sub {
		Time::HiRes::sleep(0.2);
		return $db->events >= $acked;
	});
	return now() - $start;
}

sub mean {
	my ($key, @seen) = @_;
	my $sum = 0;
	$sum += $_->{$key} for @seen;
	return @seen ? $sum / @seen : 0;
}

sub whole {
	my ($db) = @_;
	my $k = $db->{kind};
	my $seconds = $SETTING{whole};
	my $spool = scratch('spool');
	say("$k: end to end, $SETTING{rate} events/s for $seconds s");
	$db->reset;
	my ($url, @tools) = start_pipeline($db, $spool);
	my $sender = spawn('logsend', "$BUILD/logsend", '--url', $url,
		'--rate', int($SETTING{rate} / $BATCH), '--batch', $BATCH,
		'--duration', "${seconds}s", '--report', 'json', '--quiet');
	my @seen = watch($db, $spool, $sender);
	push @seen, {files => 0, bytes => 0, events => $db->events,
		at => now()} if !@seen;
	my $report = slurp($sender->{out});
	my %got = $report =~ /"(\w+)":([\d.]+|true|false)/g;
	die "logsend said: $report", slurp($sender->{err}), "\n"
	    unless $got{seconds};
	my $drained = drain($db, $spool, $got{events_acknowledged});
	my %memory = map { $_->{name} => peak_kib($_) / 1024 }
	    @tools, $db->{process} // ();
	stop($_) for @tools;
	take_peak($_) for qw(logrecv logbatch logload);
	print_whole($k, \%got, \@seen, $drained);
	result_text("$k: rows in the end, of events acknowledged",
		number($db->sql('SELECT COUNT(*) FROM logs.logs')),
		number($got{events_acknowledged}), '', 'equal');
	my %target = (logbatch => '8 MiB', logrecv => '64 MiB',
		logload => '64 MiB');
	result_text("$k: peak memory of $_ in this, MiB", number($memory{$_}),
		'', '', $target{$_})
	    for sort keys %memory;
	system 'rm', '-rf', $spool;
	$db->reset;
	return;
}

sub print_whole {
	my ($k, $got, $seen, $drained) = @_;
	my $quarter = int(@$seen / 4) || 1;
	my @early = @$seen[$quarter .. 2 * $quarter - 1];
	my @late = @$seen[-$quarter .. -1];
	# Rows come a file at a time: what the first one took is left out.
	my ($from, $to) = ($early[0], $late[-1]);
	my $rows = $to->{at} > $from->{at} ? ($to->{events} - $from->{events})
	    / ($to->{at} - $from->{at}) : 0;
	result_text("$k: events/s acknowledged, of those asked for",
		number($got->{events_acknowledged} / $got->{seconds}),
		number($SETTING{rate}), sprintf('%.2f',
			$got->{events_acknowledged} / $got->{seconds}
			/ $SETTING{rate}), '100,000/s');
	result_text("$k: rows/s committed meanwhile",
		number($rows), '', '', '100,000/s');
	result_text("$k: p99 of acknowledgements, ms",
		number($got->{p99} / 1000), '', '', '50 ms');
	result_text("$k: MB in ready/, last quarter : second quarter",
		number(mean('bytes', @late) / 1e6),
		number(mean('bytes', @early) / 1e6), '', 'not growing');
	result_text("$k: s to load the rest", number($drained));
	return;
}

# CPU time of tools that have nothing to do.
sub idle {
	my ($db) = @_;
	my $seconds = 2 * $SETTING{seconds};
	my $spool = scratch('spool');
	$db->reset;
	my ($url, @tools) = start_pipeline($db, $spool);
	# After some work: connections are open, files have been seen.
	run('logsend', "$BUILD/logsend", '--url', $url, '--count', 1,
		'--quiet');
	drain($db, $spool, 1);
	Time::HiRes::sleep(1);
	my @before = map { [cpu_ticks($_), cpu_us($_)] } @tools;
	Time::HiRes::sleep($seconds);
	for my $i (0 .. $#tools) {
		my ($ticks, $us) = @{$before[$i]};
		result_text("idle $tools[$i]{name}: ticks in $seconds s",
			sprintf('%d (%.3f %% CPU)',
				cpu_ticks($tools[$i]) - $ticks,
				(cpu_us($tools[$i]) - $us) / $seconds / 1e4),
			'', '', '0');
	}
	stop($_) for @tools;
	take_peak($_) for qw(logrecv logbatch logload);
	system 'rm', '-rf', $spool;
	return;
}

1;
