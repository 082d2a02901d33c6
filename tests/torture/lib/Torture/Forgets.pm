package Torture::Forgets;

# Databases that forget what they have committed: one that does not sync, with
# the power cut; and a replica that lags, promoted. Two worlds share each. The
# one has --settle and loses nothing. The other has not, and must lose: else
# there was nothing to forget, and the first proves nothing.

use strict;
use warnings;
use Exporter 'import';
use Torture;
use Torture::Oracle;
use Torture::Proxy;
use Torture::Retry;
use Torture::World;

our @EXPORT = qw(forgets failover);

# Both, under load: what was loaded a while ago is not forgotten.
sub start_worlds {
	my ($db, @options) = @_;
	my @worlds = map { Torture::World->new($db, rate => 100, @options,
		env => {LOGLOAD_SETTLE => $_}) } '5m', 0;
	$_->keep_all for @worlds;
	wait_for(30, sub { !grep { !defined $db->try(
		'SELECT 1 FROM logs LIMIT 0', $_->{database}) } @worlds })
	    // violation('logload makes no table');
	$_->load for @worlds;
	return @worlds;
}

sub loaded {
	my ($db, $w) = @_;
	return split /\n/, $db->try('SELECT name FROM log_files WHERE '
		. 'loaded_at IS NOT NULL', $w->{database}) // '';
}

# Of the files that were loaded: how many are not known any more, before they
# are seen to? Those that lie in ready/ still are loaded again in any case.
sub count_forgotten {
	my ($db, $w, @before) = @_;
	my %now = map { $_ => 1 } loaded($db, $w);
	my $n = grep { !$now{$_} && !-e "$w->{spool}/ready/$_" } @before;
	tally('loaded files that a database forgot', $n);
	return $n;
}

# The one keeps the promise, the other one cannot.
sub judge_worlds {
	my ($w, $forgetful) = @_;
	$forgetful->load_stop;
	$w->finish;
	wait_for(60, sub { !$forgetful->waiting })
	    // violation('without --settle: not drained');
	$forgetful->end_all;
	local $Torture::Oracle::found = {};
	$forgetful->verdict;
	my $found = $Torture::Oracle::found;
	say("without --settle: $found->{lost} lost, $found->{doubled} doubled");
	violation('nothing is lost without --settle: what does this prove?')
	    if !$found->{lost};
	tally('events lost without --settle, as they have to be',
		$found->{lost});
	return;
}

# --- a server that does not sync

sub forgets {
	my ($other, $seconds, $o) = @_;
	my $db = $other->forgetful("$DIR/forgets");
	my $until = now() + $seconds;
	my ($cuts, $forgotten, $retry) = (0, 0);
	my ($w, $forgetful) = start_worlds($db);
	$w->{forgot} = 1;
	do {
		$db->be_careless;
		refuse($w) if chance(0.5);
		pause(between(1, 2.5));
		accept_all($w);
		$retry = start_retry($w) if !$retry || defined $retry->{ended};
		pause(between(0, 0.5));
		my @before = loaded($db, $forgetful);
		$db->lose_power;
		$db->start;
		$db->ready or violation('the database does not come back');
		my $n = count_forgotten($db, $forgetful, @before);
		tally('cuts of the power of a database'
			. ($n ? ' that took loaded files' : ''));
		$forgotten += $n;
		$cuts++;
	} while now() < $until || !$forgotten && now() < $until + 60;
	wait_for(60, sub { defined $retry->{ended} })
	    // violation('a retry does not end');
	accept_all($w);
	$w->load_stop;
	wait_for(60, sub { !$w->waiting });
	finish_retries($w);
	judge_worlds($w, $forgetful);
	$db->remove;
	return;
}

# --- a replica that is behind

sub failover {
	my ($db, $seconds) = @_;
	my $servers = 2;
	my $primary = $db->primary("$DIR/replicated1");
	my $replica = $primary->replica("$DIR/replicated2");
	my $until = now() + $seconds;
	my $proxy = Torture::Proxy->new($primary->{port});
	my ($w, $forgetful) = start_worlds($primary,
		db_port => $proxy->{port});
	for (;;) {
		wait_for(60, sub { loaded($replica, $w) })
		    // violation('the replica does not follow');
		pause(between(1, 3));
		my @before = loaded($primary, $forgetful);
		$replica->part;
		$primary->crash;
		$replica->promote;
		count_forgotten($replica, $forgetful, @before);
		$proxy->order("target $replica->{port}");
		tally('failovers');
		$_->{db} = $replica for $w, $forgetful;
		$primary = $replica;
		last if now() > $until;
		$replica = $primary->replica("$DIR/replicated" . ++$servers);
	}
	judge_worlds($w, $forgetful);
	kill_hard($proxy->{process});
	$primary->remove;
	return;
}

1;
