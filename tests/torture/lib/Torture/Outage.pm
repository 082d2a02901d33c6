package Torture::Outage;

# The database is away for long: events are taken until the spool is full,
# then refused with 503 and Retry-After, and taken again as soon as there is
# room; memory stays flat; and what has piled up is loaded oldest first, while
# new events come.

use strict;
use warnings;
use Exporter 'import';
use POSIX ();
use Torture;
use Torture::World;

our @EXPORT = qw(outage loaded_events);

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

# An hour at the scale of a second for a minute, or less in the short form.
sub outage {
	my ($db, undef, $o) = @_;
	my ($limit, $seconds) = $o->{quick} ? ('2MB', 10) : ('12MB', 60);
	my $w = Torture::World->new($db, rate => 250, batch => 4, env => {
		LOGRECV_SPOOL_LIMIT => $limit, LOGBATCH_MAX_SIZE => '50KB'});
	$w->keep_all;
	$w->load;
	pause(5);
	wait_for(60, sub { loaded_events($w) > 0 })
	    // violation('nothing is loaded');
	my $before = tell_memory($w, 'before');
	$db->end;
	say("the database is away; --spool-limit is $limit");
	my ($away, $wall) = (now(), time);
	fill_spool($w, $limit);
	# It stays like that, and memory stays flat, while clients go on.
	do {
		pause(3);
		judge_memory($before, tell_memory($w, 'full'));
	} while now() - $away < $seconds;
	figure(sprintf 'the database was away for %.0f s, %s', now() - $away,
		$o->{quick} ? 'the short form of an outage'
		: 'an hour at the scale of a second for a minute');
	drain($w, $wall);
	my $kib = tell_memory($w, 'drained');
	figure('memory, KiB, before it and at most: ' . join ', ',
		map { "$_ $before->{$_}[0] $kib->{$_}[1]" } @TOOLS);
	$w->finish;
	return;
}

sub figure {
	my ($text) = @_;
	say($text);
	push @FIGURES, $text;
	return;
}

# Until there is a 503, with all that belongs to it.
sub fill_spool {
	my ($w, $limit) = @_;
	my $n = 0;
	my $took = wait_for(120, sub {
		pause(1);
		tell_memory($w, 'away') if $n % 3 == 0;
		return $w->post('away-' . ++$n) eq 503;
	});
	return violation("no 503 though over $limit wait") if !defined $took;
	my ($after) = $w->{last_head} =~ /\r\nRetry-After: ([1-9]\d*)\r\n/i;
	return violation('a 503 without Retry-After: ' . $w->{last_head})
	    if !defined $after;
	my $events = 0;
	$events += slurp($_) =~ tr/\n// for $w->waiting;
	figure(sprintf '%d events were taken in %.0f s, until a 503 with '
		. 'Retry-After: %d at --spool-limit %s', $events, $took,
		$after, $limit);
	return;
}

sub judge_memory {
	my ($before, $now) = @_;
	for my $tool (@TOOLS) {
		my ($was, $is) = ($before->{$tool}[0], $now->{$tool}[0]);
		violation("$tool grew from $was to $is KiB")
		    if $is > $was + $SPARE_KIB;
	}
	return;
}

# The database is back: events are taken again, and what waits is loaded.
sub drain {
	my ($w, $away) = @_;
	my $db = $w->{db};
	my @backlog = map { s{.*/}{}r } grep { m{/ready/} } $w->waiting;
	my $start = now();
	$db->start;
	$db->ready or violation('the database does not come back');
	my $events = loaded_events($w);
	my $n = 0;
	my $begun = wait_for(120, sub { loaded_events($w) > $events });
	my $first = now();
	defined wait_for(60, sub { $w->post('again-' . ++$n) eq 200 })
	    or violation('no event is taken though there is room again');
	my $taken = now() - $start;
	my $drained = wait_for(120, sub {
		return !grep { -e "$w->{spool}/ready/$_" } @backlog;
	});
	return violation('the backlog does not drain')
	    if !defined $begun || !defined $drained;
	my $took = now() - $first;
	figure(sprintf 'when it was back, the first rows came after %.1f s, '
		. 'events were taken again after %.1f s', $first - $start,
		$taken);
	figure(sprintf '%d files were loaded, %s, in %.1f s: %.0f events/s, '
		. 'with new ones coming', scalar @backlog,
		judge_order($w, $away, @backlog) ? 'oldest first' : 'NOT in order',
		$took, (loaded_events($w) - $events) / $took);
	return;
}

# What was waiting has been loaded in the order of its names, oldest first.
# Files of about the time when the database went are left out: logload may have
# had some at hand before an older one was handed over.
sub judge_order {
	my ($w, $away, @backlog) = @_;
	my $from = POSIX::strftime('%Y%m%dT%H%M%S', gmtime($away + 3));
	my %waited = map { $_ => 1 } grep { $_ ge $from } @backlog;
	my @order = grep { $waited{$_} } split /\n/, $w->{db}->sql(
		'SELECT name FROM log_files ORDER BY loaded_at, name',
		$w->{database});
	my $late = grep { $order[$_] lt $order[$_ - 1] } 1 .. $#order;
	violation('too few files to tell the order') if @order < 5;
	violation("$late files of the backlog were loaded after younger ones")
	    if $late;
	return !$late;
}

1;
