package Torture::Outage;

# The database is away for long: events are taken until the spool is full,
# then refused with 503 and Retry-After, and taken again as soon as there is
# room; memory stays flat; and what has piled up is loaded oldest first, while
# new events come.

use strict;
use warnings;
use Exporter 'import';
use Torture;
use Torture::World;

our @EXPORT = qw(outage);

my @TOOLS = qw(logrecv logbatch logload);

# Memory that cannot be told from noise, or from one more buffer.
my $SPARE_KIB = 8 * 1024;

# KiB of each tool, now and at most.
sub memory {
	my ($w) = @_;
	my %kib;
	for my $tool (@TOOLS) {
		my $status = slurp('/proc/' . ($w->pid($tool) // 0) . '/status');
		my ($now) = $status =~ /^VmRSS:\s*(\d+)/m;
		my ($most) = $status =~ /^VmHWM:\s*(\d+)/m;
		$kib{$tool} = [$now // 0, $most // 0];
	}
	return \%kib;
}

sub tell_memory {
	my ($w, $what) = @_;
	my $kib = memory($w);
	my $bytes = 0;
	$bytes += -s $_ // 0 for $w->waiting;
	say(sprintf '%-10s %6.1f MB wait; RSS now/most, KiB: %s', $what,
		$bytes / 1e6, join ', ', map {
		"$_ $kib->{$_}[0]/$kib->{$_}[1]" } @TOOLS);
	return $kib;
}

sub loaded_events {
	my ($w) = @_;
	return $w->{db}->try('SELECT COALESCE(SUM(events + rejected), 0) FROM '
		. 'log_files', $w->{database}) // 0;
}

sub outage {
	my ($db, $seconds, $o) = @_;
	my $limit = $o->{quick} ? '2MB' : '12MB';
	my $w = Torture::World->new($db, rate => 250, batch => 4, env => {
		LOGRECV_SPOOL_LIMIT => $limit, LOGBATCH_MAX_SIZE => '50KB'});
	$w->keep_all;
	$w->load;
	pause(5);
	my $before = tell_memory($w, 'before');
	$db->end;
	say("the database is away; --spool-limit is $limit");
	my $away = now();
	my $full = wait_for(120, sub {
		pause(2);
		tell_memory($w, 'away');
		return $w->post('away-' . int now()) eq 503;
	});
	violation("no 503 though over $limit wait") if !defined $full;
	violation('a 503 without Retry-After: ' . $w->{last_head})
	    if defined $full && $w->{last_head} !~ /\r\nRetry-After: [1-9]/i;
	tally('503 with Retry-After') if defined $full;
	# It stays like that, and memory stays flat, while clients go on.
	while (now() - $away < ($o->{quick} ? 10 : $seconds * 0.6)) {
		pause(3);
		my $after = tell_memory($w, 'full');
		for my $tool (@TOOLS) {
			my ($was, $is) = ($before->{$tool}[0], $after->{$tool}[0]);
			violation("$tool grew from $was to $is KiB")
			    if $is > $was + $SPARE_KIB;
		}
	}
	my @backlog = map { s{.*/}{}r } grep { m{/ready/} } $w->waiting;
	my $events = loaded_events($w);
	my $outage = now() - $away;
	my ($start, $taken) = (now());
	say(sprintf 'the database is back after %.0f s, %d files wait', $outage,
		scalar @backlog);
	$db->start;
	$db->ready or return violation('the database does not come back');
	$taken = wait_for(60, sub {
		return $w->post('again-' . int 1e6 * now()) eq 202;
	});
	violation('no event is taken though there is room again')
	    if !defined $taken;
	my $drained = wait_for(120, sub {
		return !grep { -e "$w->{spool}/ready/$_" } @backlog;
	});
	violation('the backlog does not drain') if !defined $drained;
	my $took = now() - $start;
	my $rate = (loaded_events($w) - $events) / $took;
	tell_memory($w, 'drained');
	say(sprintf 'events are taken again after %.1f s; %d files drained in '
		. '%.1f s, %.0f events/s with those that came meanwhile',
		$taken // -1, scalar @backlog, $took, $rate);
	$COUNT{'drain rate after an outage, events/s'} = int $rate;
	$COUNT{'outage, s'} = int $outage;
	judge_order($w, @backlog);
	$w->finish;
	return;
}

# What was waiting has been loaded in the order of its names, oldest first.
sub judge_order {
	my ($w, @backlog) = @_;
	my %waited = map { $_ => 1 } @backlog;
	my @order = grep { $waited{$_} } split /\n/, $w->{db}->sql(
		'SELECT name FROM log_files ORDER BY loaded_at, id',
		$w->{database});
	my $late = grep { $order[$_] lt $order[$_ - 1] } 1 .. $#order;
	violation("$late files of the backlog were loaded after younger ones")
	    if $late;
	tally('files of a backlog loaded oldest first', scalar @order);
	return;
}

1;
