package Torture::Retry;

# The table refuses a good part of the events, now and then, and meanwhile what
# it has refused is loaded again and again, by several at a time, which are
# killed amid it: at the steps of a retry, and anywhere.

use strict;
use warnings;
use Exporter 'import';
use Torture;
use Torture::World;

our @EXPORT = qw(retry refuse accept_all start_retry finish_retries);

# What is a step of a retry, beside those of any load, and of the database's
# client, which stand with that.
my @POINTS = (
	[openat => '*/rejected/*'],
	[flock => '*/rejected/*'],
	[write => '*/rejected/.*'],
	[fsync => '*/rejected/.*'],
	[renameat => '*/rejected/.*'],
	[fsync => '*/rejected'],
	[unlinkat => '*/rejected/*'],
);

# The table takes no more events of one name, or all of them again.
sub refuse { return $_[0]{db}->refuse($_[0]{database}) }
sub accept_all { return $_[0]{db}->accept($_[0]{database}) }

sub start_retry {
	my ($w) = @_;
	return Torture::spawn('retry', {env => $w->env,
			err => "$w->{dir}/retry.log", out => "$w->{dir}/retry.out",
			on_end => \&ended},
		"$BIN/logload", '--retry-rejected', '--jobs', pick(1, 1, 3));
}

# 0, some are refused again, some are left for later; or it was killed.
sub ended {
	my ($p) = @_;
	violation('logload --retry-rejected ended with '
		. status_text($p->{status}))
	    if !grep { $p->{status} == $_ } 0, 65 << 8, 75 << 8, 9;
	tally('retries of rejected events');
	return;
}

sub kill_one {
	my ($w, @retries) = @_;
	if (chance(0.3)) {
		pause(between(0, 0.1));
		my $p = pick(@retries);
		tally_kill('logload --retry-rejected')
		    if !defined $p->{ended} && kill 'KILL', $p->{pid};
		return;
	}
	my ($call, $path) = @{pick(@POINTS, $w->{db}->retry_points)};
	$w->{faults}->set(0, tool => 'logload', call => $call, path => $path,
		from => 1 + int rand 4, do => pick(qw(kill_before kill_after)));
	wait_for(1, sub { $w->{faults}->fired(0) });
	tally_kill('logload', 'at a named point')
	    if $w->{faults}->fired(0);
	$w->{faults}->unset(0);
	return;
}

# The last ones, alone and with nothing in their way.
sub finish_retries {
	my ($w) = @_;
	my $path = "$w->{dir}/retry.out";
	for (1 .. 5) {
		spill($path, '');
		my $p = start_retry($w);
		wait_for(60, sub { defined $p->{ended} })
		    // return violation('a retry does not end');
		last if $p->{status} != 75 << 8 && slurp($path) =~ / events=0 /;
	}
	my @left = grep { slurp($_) =~ /"event":"page_view"/ }
	    glob "$w->{spool}/rejected/*.ndjson";
	violation(@left . ' files of rejected/ have events that the table '
		. "would take, such as $left[0]") if @left;
	return;
}

sub retry {
	my ($db, $seconds) = @_;
	my $w = Torture::World->new($db);
	my $until = now() + $seconds;
	$w->keep_all;
	wait_for(20, sub { defined $db->try('SELECT 1 FROM logs LIMIT 0',
		$w->{database}) }) // violation('logload makes no table');
	refuse($w);
	$w->load;
	my @retries;
	while (now() < $until) {
		@retries = grep { !defined $_->{ended} } @retries;
		push @retries, start_retry($w) while @retries < 2;
		kill_one($w, @retries);
		accept_all($w) if chance(0.1);
		refuse($w) if chance(0.2);
	}
	$w->{faults}->clear;
	wait_for(30, sub { !grep { !defined $_->{ended} } @retries })
	    // violation('a retry does not end');
	accept_all($w);
	$w->load_stop;
	wait_for(60, sub { !$w->waiting });
	finish_retries($w);
	$w->finish;
	return;
}

1;
