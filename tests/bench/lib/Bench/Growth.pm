package Bench::Growth;

# How rates change with size: connections, bytes of an event, events of a
# request, jobs, rows of the table. Written as CSV: panel, series, x, and the
# median, least and most of y over a few passes.

use strict;
use warnings;
use Exporter 'import';
use Bench;
use Bench::Requests;
use Bench::Loading;

our @EXPORT = qw(grow);

my $PASSES = 3;
my (@order, %values);

sub point {
	my ($panel, $series, $x, $y) = @_;
	my $key = join ',', $panel, $series, $x;
	push @order, $key unless $values{$key};
	push @{$values{$key}}, $y;
	say(sprintf '  %s, %s: %s -> %s', $panel, $series, number($x),
		number($y));
	return;
}

sub csv {
	my $text = "panel,series,x,median,least,most\n";
	for my $key (@order) {
		my @y = sort { $a <=> $b } @{$values{$key}};
		$text .= sprintf "%s,%.0f,%.0f,%.0f\n", $key, median(@y),
		    $y[0], $y[-1];
	}
	return $text;
}

# One rate of each kind of server, events/s. Many connections take a while to
# be made.
sub each_server {
	my ($panel, $x, $connections, $body, $events, @kinds) = @_;
	my $short = ($SETTING{seconds} + 1) / 2;
	local $SETTING{seconds} = POSIX::ceil(
		$connections / 1000 > $short ? $connections / 1000 : $short);
	for my $kind (@kinds) {
		my $server = serve($kind);
		load_nowhere($server) if $events > 1;
		my ($rate) = wrk($server, $connections, $body);
		point($panel, $kind eq 'synced' ? 'logrecv' : $kind, $x,
			$rate * $events);
		stop_serving($server);
	}
	return;
}

sub connections {
	my $body = spill(scratch('body'), event_of(204));
	each_server('connections', $_, $_, $body, 1, qw(synced responder))
	    for 1, 4, 16, 64, 256, 1000, 4000, 10000;
	return;
}

# So many connections as keep within logrecv's --max-in-flight.
sub event_sizes {
	for my $bytes (50, 100, 200, 500, 1000, 4000, 16_000, 64_000, 250_000,
		1_000_000) {
		my $connections = $bytes < 125_000 ? 64 : int(8e6 / $bytes);
		each_server('bytes of an event', $bytes, $connections,
			spill(scratch('body'), event_of($bytes)), 1,
			qw(synced responder));
	}
	return;
}

sub batches {
	my $event = event_of(204) . "\n";
	each_server('events of a request', $_, $_ <= 1000 ? 16 : 4,
		spill(scratch('body'), $event x $_), $_, 'synced')
	    for 1, 3, 10, 30, 100, 300, 1000, 3000, 10000;
	return;
}

# Files of equal size, so that all jobs have the same to do.
sub jobs {
	my ($db) = @_;
	my @files;
	my $each = int($SETTING{rows} / 8);
	push @files, make_events(scratch('jobs'), $_ * $each, $each)
	    for 0 .. 7;
	for my $jobs (1, 2, 3, 4, 8) {
		$db->reset;
		my $seconds = took('logload', $db->logload('--jobs', $jobs,
			@files));
		point('jobs of logload', $db->{kind}, $jobs,
			8 * $each / $seconds);
	}
	unlink @files;
	return;
}

# One part after another into the same table; the disk must hold it twice,
# with the binary log.
sub table_rows {
	my ($db) = @_;
	my $parts = 20;
	my $each = int($SETTING{'table-rows'} / $parts);
	my $path = scratch('part');
	$db->reset;
	for my $part (0 .. $parts - 1) {
		make_events("$path.$part", $part * $each, $each);
		my $seconds = took('logload', $db->logload("$path.$part"));
		point('rows of the table', $db->{kind}, ($part + 1) * $each,
			$each / $seconds);
		unlink "$path.$part";
		$db->purge;
	}
	$db->reset;
	return;
}

# All panels; each database is a series of the last two.
sub grow {
	my ($with_db) = @_;
	for my $pass (1 .. $PASSES) {
		say("growth, pass $pass of $PASSES");
		connections();
		event_sizes();
		batches();
	}
	$with_db->(sub {
		jobs($_[0]) for 1 .. $PASSES;
		table_rows($_[0]);
	});
	my $csv = spill("$SETTING{growth}.csv", csv());
	spill("$SETTING{growth}.svg", run('plot', $^X, "$HERE/plot", $csv));
	result_text("growth: $csv and .svg", scalar(@order) . ' points');
	return;
}

1;
