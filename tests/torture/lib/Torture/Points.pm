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

# tool, call, pattern (as faults.c has it), which sides of the call
my @POINTS = (
	# logrecv: a new file, the lines, the sync, the answer
	[logrecv => openat => '*/buffer/*', 'before after'],
	[logrecv => flock => '*/buffer/*', 'before after'],
	[logrecv => fsync => '*/buffer', 'before after'],
	[logrecv => write => '*/buffer/*', 'before amid after'],
	[logrecv => fdatasync => '*/buffer/*', 'before after'],
	[logrecv => send => '1.1 202 *', 'before amid after'],
	[logrecv => readv => 'socket:*', 'after'],
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
	[logload => flock => '*/ready/*', 'before after'],
	[logload => connect => 'socket:*', 'before after'],
	[logload => mysql_real_query => 'START *', 'before after'],
	[logload => mysql_real_query => 'INSERT INTO `log_files`*',
		'before after'],
	[logload => mysql_real_query => 'SELECT id,*', 'before after'],
	[logload => mysql_real_query => 'SAVEPOINT *', 'before after'],
	[logload => mysql_real_query => 'LOAD DATA *', 'before after'],
	[logload => mysql_real_query => 'ROLLBACK TO *', 'before after'],
	[logload => mysql_real_query => 'INSERT INTO `logs`*', 'before after'],
	[logload => mysql_real_query => 'UPDATE *', 'before after'],
	[logload => mysql_real_query => 'COMMIT*', 'before after'],
	# Sent, and the answer not waited for; and half of it sent.
	[logload => send => 'LOAD DATA*', 'amid after'],
	[logload => send => 'COMMIT*', 'amid after'],
	[logload => send => '20[0-9][0-9]-*', 'before amid after'],
	[logload => pread => '*/ready/*', 'before after'],
	[logload => openat => '*/rejected/.*', 'before after'],
	[logload => write => '*/rejected/.*', 'before amid after'],
	[logload => fsync => '*/rejected/.*', 'before after'],
	[logload => renameat => '*/rejected/.*', 'before after'],
	[logload => fsync => '*/rejected', 'before after'],
	[logload => unlinkat => '*/ready/*', 'before after'],
	[logload => renameat => '*/metrics/*', 'before after'],
	[logload => mkdirat => '*', 'before after'],
);

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

sub points {
	my ($db, $seconds) = @_;
	my $until = now() + $seconds;
	my $w = Torture::World->new($db, rate => 150, batch => 4,
		env => {LOGBATCH_MAX_SIZE => '120KB', LOGBATCH_MAX_AGE => '600ms',
			LOGRECV_WORKERS => 1});
	my @all = map { my $p = $_; map { [@$p[0 .. 2], $_, $p->[4]] }
	    split ' ', $p->[3] } @POINTS;
	my ($done, $missed, $round) = (0, 0, 0);
	$w->keep_all;
	$w->load;
	while (now() < $until) {
		$round++;
		for my $point (shuffled(@all)) {
			# Never less than each of them once.
			last if $round > 1 && now() > $until;
			die_at($w, $round, @$point) ? $done++ : $missed++;
			say("$done points in round $round")
			    if $done % 50 == 0;
		}
	}
	say("$done kills at points, $missed not reached in time");
	$w->finish;
	return;
}

# At one of them, whenever a tool comes there, if it soon does.
sub die_somewhere {
	my ($w) = @_;
	my ($tool, $call, $pattern, $sides) = @{pick(@POINTS)};
	my $side = pick(split ' ', $sides);
	$w->{faults}->set(0, tool => $tool, call => $call, path => $pattern,
		from => 1 + int rand 4, do => $DO{$side});
	my $fired = wait_for(0.6, sub { $w->{faults}->fired(0) });
	$w->{faults}->unset(0);
	return if !defined $fired;
	tally("kills of $tool");
	$POINTS{"$tool $call $pattern"}{$side}++;
	return;
}

# Has a tool killed at a point, the nth time it comes there. True if it was.
sub die_at {
	my ($w, $round, $tool, $call, $pattern, $side, $provoke) = @_;
	my $at_start = $call =~ /mkdirat|connect/;
	my $nth = $round == 1 ? 1 : 1 + int rand 8;
	$nth = 1 if $at_start || $pattern =~ /rejected|metrics|ROLLBACK|`logs`/;
	$provoke->($w) if $provoke;
	$w->{faults}->set(0, tool => $tool, call => $call, path => $pattern,
		from => $nth, do => $DO{$side});
	# What only happens at its start, or for its sake.
	$w->kill_tool($tool) if $at_start;
	my $fired = wait_for(6, sub { $w->{faults}->fired(0) });
	$w->{faults}->unset(0);
	if (!defined $fired) {
		tally("points not reached in time");
		say("not reached: $side $tool $call $pattern, the ${nth}th");
		return 0;
	}
	tally("kills of $tool");
	$POINTS{"$tool $call $pattern"}{$side}++;
	return 1;
}

1;
