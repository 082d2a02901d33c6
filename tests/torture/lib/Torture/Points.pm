package Torture::Points;

# SIGKILL at named points: between any two steps of the way of an event. The
# tools are started again at once, with the load going on, and whatever the
# crash has left has to come right.

use strict;
use warnings;
use Exporter 'import';
use Torture;
use Torture::World;

our @EXPORT = qw(points die_somewhere);

# tool, call, pattern (as faults.c has it), which sides of the call, what brings
# it about. Those of logload's client of the database stand with that.
my @POINTS = (
	# logrecv: a new file, the lines, the sync, the answer
	[logrecv => openat => '*/buffer/*', 'before after'],
	[logrecv => flock => '*/buffer/*', 'before after'],
	[logrecv => fsync => '*/buffer', 'before after'],
	[logrecv => write => '*/buffer/*', 'before amid after'],
	[logrecv => fdatasync => '*/buffer/*', 'before after'],
	[logrecv => send => '1.1 200 *', 'before amid after'],
	[logrecv => recv => 'socket:*', 'after'],
	[logrecv => close => '*', 'before after'],
	[logrecv => renameat => '*/metrics/*', 'before after'],
	[logrecv => mkdirat => '*', 'before after'],
	# logbatch: the hand-over
	[logbatch => openat => '*/buffer/*', 'before after'],
	[logbatch => flock => '*/buffer/*', 'before after'],
	[logbatch => fdatasync => '*/buffer/*', 'before after'],
	[logbatch => renameat2 => '*/buffer/*', 'before after'],
	[logbatch => fsync => '*/ready', 'before after'],
	[logbatch => fsync => '*/buffer', 'before after'],
	[logbatch => close => '*/ready/*', 'before after'],
	[logbatch => unlinkat => '*/buffer/*', 'before after', \&leave_empty],
	[logbatch => renameat => '*/metrics/*', 'before after'],
	# logload: the ledger's row, the rows, the commit, the removal
	[logload => openat => '*/ready/*', 'before after'],
	[logload => fcntl => '*/ready/.lock', 'before after'],
	[logload => pread => '*/ready/*', 'before after'],
	[logload => openat => '*/rejected/.*', 'before after'],
	[logload => write => '*/rejected/.*', 'before amid after'],
	[logload => fsync => '*/rejected/.*', 'before after'],
	[logload => renameat => '*/rejected/.*', 'before after'],
	[logload => fsync => '*/rejected', 'before after'],
	[logload => renameat => '*/ready/*', 'before after'],
	[logload => unlinkat => '*/ready/*', 'before after'],
	[logload => unlinkat => '*/loaded/*', 'before after'],
	[logload => renameat => '*/metrics/*', 'before after'],
	[logload => mkdirat => '*', 'before after'],
);

sub all_points {
	my ($w) = @_;
	return (@POINTS, map { ['logload', @$_] } $w->{db}->points);
}

my %DO = (before => 'kill_before', amid => 'short_kill', after => 'kill_after');

# What a logrecv that was killed after it had made a file has left.
sub leave_empty {
	my ($w) = @_;
	my ($s, $m, $h, $day, $month, $year) = gmtime;
	spill(sprintf('%s/buffer/%04d%02d%02dT%02d%02d%02d.%06dZ-torture-1-%d'
			. '.ndjson', $w->{spool}, $year + 1900, $month + 1, $day,
			$h, $m, $s, int rand 1e6, ++$w->{empties}), '');
	return;
}

# Each tool has its own row of points to come to; the three go on beside each
# other. The first time each point is met at its first call, later at any of the
# first eight: other chunks, other files.
sub points {
	my ($db, $seconds) = @_;
	my $until = now() + $seconds;
	my $w = Torture::World->new($db, rate => 150, batch => 4,
		env => {LOGBATCH_MAX_SIZE => '120KB', LOGBATCH_MAX_AGE => '600ms',
			LOGRECV_WORKERS => 1});
	my @rows = map { {tool => $_, slot => ++$w->{slots}, round => 0,
		left => [], done => 0} } qw(logrecv logbatch logload);
	my $told = 0;
	$w->keep_all;
	$w->load;
	# Never less than each of them once, but for a very slow machine.
	while (now() < $until || now() < $until + 120
		&& grep { $_->{round} < 2 } @rows) {
		advance($w, $_) for @rows;
		pause(0.005);
		my $done = 0;
		$done += $_->{done} for @rows;
		next if int($done / 100) == $told;
		$told = int($done / 100);
		say("$done kills at points");
	}
	$w->finish;
	return;
}

# Looks whether the tool has come to its point, and goes on to the next one.
sub advance {
	my ($w, $row) = @_;
	my $now = $row->{now};
	if ($now && $w->{faults}->fired($row->{slot})) {
		count_kill($now);
		$row->{done}++;
	} elsif ($now && now() - $now->{since} < 8) {
		return;
	} elsif ($now) {
		tally('points not reached in time');
		say("not reached: $now->{side} $now->{name}, the $now->{nth}th");
	}
	if (!@{$row->{left}}) {
		$row->{round}++;
		$row->{left} = [shuffled(sides_of(grep {
			$_->[0] eq $row->{tool} } all_points($w)))];
	}
	my $point = shift @{$row->{left}};
	$w->take_way(@$point[1, 2]) if $row->{tool} eq 'logload';
	$row->{now} = arm($w, $row->{slot}, $point, $row->{round} > 1);
	return;
}

# Each side of each of these points.
sub sides_of {
	return map { my $p = $_; map { [@$p[0 .. 2], $_, $p->[4]] }
	    split ' ', $p->[3] } @_;
}

# Has a tool killed at a point, the nth time it comes there.
sub arm {
	my ($w, $slot, $point, $any) = @_;
	my ($tool, $call, $pattern, $side, $provoke) = @$point;
	my $at_start = $call =~ /mkdirat|connect/;
	my $nth = $any ? 1 + int rand 8 : 1;
	# What comes seldom is not waited for that often.
	$nth = 1 if $at_start || $provoke
	    || $pattern =~ /rejected|metrics|ROLLBACK|sift|^INSERT INTO\*/;
	$w->{faults}->set($slot, tool => $tool, call => $call,
		path => $pattern, from => $nth, do => $DO{$side});
	$provoke->($w) if $provoke;
	# What only happens at its start, or for its sake.
	$w->kill_tool($tool, 'to start it anew') if $at_start;
	return {tool => $tool, name => "$tool $call $pattern", side => $side,
		nth => $nth, since => now()};
}

sub count_kill {
	my ($point) = @_;
	tally_kill($point->{tool}, 'at a named point');
	$POINTS{$point->{name}}{$point->{side}}++;
	return;
}

# At one of them, whenever a tool comes there, if it soon does.
sub die_somewhere {
	my ($w) = @_;
	my $now = arm($w, 0, pick(grep { !$_->[4] } sides_of(all_points($w))), 1);
	my $fired = wait_for(0.6, sub { $w->{faults}->fired(0) });
	$w->{faults}->unset(0);
	count_kill($now) if defined $fired;
	return;
}

1;
