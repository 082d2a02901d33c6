package Torture::Calls;

# System calls, and memory, that fail: one at a time, the first to the nth of
# each kind, and some of them again and again for a while. What fails once is
# no reason to end, nor to lose or double anything; what ends is started again.

use strict;
use warnings;
use Exporter 'import';
use Torture;
use Torture::World;

our @EXPORT = qw(calls starts memory random_fault);

# tool, call, pattern, [what it does...]. Those of logload's client of the
# database stand with that.
my @FAULTS = (
	[logrecv => write => '*/buffer/*', qw(short ENOSPC EIO EINTR EDQUOT)],
	[logrecv => fdatasync => '*/buffer/*', qw(EIO ENOSPC late:EIO slow)],
	[logrecv => fsync => '*/buffer', qw(EIO late:EIO)],
	[logrecv => openat => '*/buffer/*', qw(EMFILE ENFILE ENOSPC EACCES EIO)],
	[logrecv => flock => '*/buffer/*', qw(EINTR ENOLCK late:EIO)],
	[logrecv => fstat => '*/buffer/*', qw(EIO)],
	[logrecv => fstatat => '*/buffer/*', qw(EIO)],
	[logrecv => fstatvfs => '*', qw(EIO)],
	[logrecv => close => '*/buffer/*', qw(late:EIO)],
	[logrecv => accept4 => 'socket:*', qw(EMFILE ECONNABORTED ENOBUFS)],
	[logrecv => recv => 'socket:*', qw(short EINTR ECONNRESET reset)],
	[logrecv => send => '1.1 *', qw(short EAGAIN EPIPE reset)],
	[logrecv => write => '*/metrics/*', qw(short ENOSPC EIO)],
	[logrecv => renameat => '*/metrics/*', qw(EIO)],
	[logrecv => openat => '*/metrics*', qw(EMFILE)],
	[logbatch => openat => '*/buffer/*', qw(EMFILE ENFILE EACCES EIO)],
	[logbatch => openat => '*/buffer', qw(EMFILE)],
	[logbatch => flock => '*/buffer/*', qw(EINTR ENOLCK)],
	[logbatch => fstat => '*/buffer/*', qw(EIO)],
	[logbatch => fstatat => '*/buffer/*', qw(EIO)],
	[logbatch => fdatasync => '*/buffer/*', qw(EIO late:EIO slow)],
	[logbatch => renameat2 => '*/buffer/*',
		qw(EIO ENOSPC EEXIST late:EIO)],
	[logbatch => fsync => '*/ready', qw(EIO late:EIO)],
	[logbatch => fsync => '*/buffer', qw(EIO late:EIO)],
	[logbatch => close => '*/ready/*', qw(late:EIO)],
	[logbatch => poll => '*', qw(EINTR ENOMEM)],
	[logbatch => read => 'anon_inode:inotify', qw(EINTR)],
	[logbatch => write => '*/metrics/*', qw(short ENOSPC EIO)],
	[logload => openat => '*/ready/*', qw(EMFILE ENFILE EACCES EIO)],
	[logload => openat => '*/ready', qw(EMFILE)],
	[logload => fcntl => '*/ready/.lock', qw(EINTR ENOLCK)],
	[logload => fstat => '*/ready/*', qw(EIO)],
	[logload => fstatat => '*/ready/*', qw(EIO)],
	[logload => pread => '*/ready/*', qw(short EINTR EIO)],
	[logload => close => '*', qw(late:EIO)],
	[logload => openat => '*/rejected/*', qw(EMFILE ENOSPC)],
	[logload => write => '*/rejected/*', qw(short ENOSPC EIO EINTR)],
	[logload => fsync => '*/rejected/.*', qw(EIO late:EIO)],
	[logload => fsync => '*/rejected', qw(EIO late:EIO)],
	[logload => renameat => '*/rejected/*', qw(EIO ENOSPC late:EIO)],
	[logload => renameat => '*/ready/*', qw(EIO ENOSPC late:EIO)],
	[logload => unlinkat => '*/ready/*', qw(EIO EACCES late:EIO)],
	[logload => unlinkat => '*/loaded/*', qw(EIO late:EIO)],
	[logload => unlinkat => '*/rejected/*', qw(EIO)],
	[logload => poll => '*', qw(EINTR ENOMEM)],
	[logload => read => 'anon_inode:inotify', qw(EINTR)],
	[logload => write => '*/metrics/*', qw(short ENOSPC EIO)],
);

# Such things at the start of a process: every call of it fails once.
my @STARTS = (
	[logrecv => openat => '*', 20, 'EMFILE'],
	[logrecv => fsync => '*', 4, 'EIO'],
	[logrecv => mkdirat => '*', 5, 'ENOSPC'],
	[logrecv => pthread_create => '*', 4, 'EAGAIN'],
	[logbatch => openat => '*', 20, 'EMFILE'],
	[logbatch => fsync => '*', 4, 'EIO'],
	[logbatch => mkdirat => '*', 5, 'EROFS'],
	[logload => openat => '*', 20, 'EMFILE'],
	[logload => open => '*', 4, 'EMFILE'],
	[logload => memfd_create => '*', 2, 'EMFILE'],
	[logload => pthread_create => '*', 2, 'EAGAIN'],
);

sub all_faults {
	my ($w) = @_;
	return (@FAULTS, map { ['logload', @$_] } $w->{db}->faults);
}

# A rule from one of the words above.
sub rule {
	my ($tool, $call, $pattern, $what) = @_;
	my %r = (tool => $tool, call => $call, path => $pattern);
	return (%r, do => $what) if $what =~ /^(?:short|reset)$/;
	return (%r, do => 'delay_before', arg => 300) if $what eq 'slow';
	return (%r, do => 'fail_after', arg => $1) if $what =~ /^late:(.*)/;
	return (%r, do => 'fail', arg => $what);
}

# One of all, without saying when.
sub random_fault {
	my ($w) = @_;
	my ($tool, $call, $pattern, @what) = @{pick(all_faults($w))};
	return rule($tool, $call, $pattern, pick(@what));
}

# Each tool has its own row of faults; the three go on beside each other. In the
# first round the first call of each kind fails, then the second, and so on.
sub calls {
	my ($db, $seconds) = @_;
	my $until = now() + $seconds;
	my $w = Torture::World->new($db, rate => 150, batch => 4, env => {
		LOGBATCH_MAX_SIZE => '60KB', LOGRECV_WORKERS => 1});
	my @rows = map { {tool => $_, slot => 2 * $w->{slots}++, round => 0,
		left => [], done => 0} } qw(logrecv logbatch logload);
	my $told = 0;
	$w->keep_all;
	$w->load;
	while (now() < $until) {
		advance($w, $_) for @rows;
		pause(0.01);
		my $done = 0;
		$done += $_->{done} for @rows;
		next if int($done / 100) == $told;
		$told = int($done / 100);
		say("$done kinds of faults, rounds "
			. join ', ', map { $_->{round} } @rows);
	}
	end_fault($w, $_) for @rows;
	$w->finish;
	return;
}

# Goes on to the next fault if this one has done its work, or its time is over.
sub advance {
	my ($w, $row) = @_;
	my $now = $row->{now};
	return if $now && now() - $now->{since} < 2.5
	    && $w->{faults}->fired($row->{slot}) < $now->{want};
	end_fault($w, $row);
	if (!@{$row->{left}}) {
		$row->{round}++;
		$row->{left} = [shuffled(map { my ($tool, $call, $pattern, @what)
			= @$_; map { [$tool, $call, $pattern, $_] } @what }
		    grep { $_->[0] eq $row->{tool} } all_faults($w))];
	}
	my $fault = shift @{$row->{left}};
	$w->take_way(@$fault[1, 2]) if $row->{tool} eq 'logload';
	$row->{now} = begin_fault($w, $row, @$fault);
	return;
}

sub begin_fault {
	my ($w, $row, $tool, $call, $pattern, $what) = @_;
	my $from = "$call $pattern" =~ /metrics|close|prepare/ ? 1
	    : $row->{round};
	# Now and then for a while: that is what a full disk does.
	my $to = chance(0.2) && $from > 1 && $what !~ /EINTR|slow/
	    ? $from + 15 : $from;
	$w->{faults}->set($row->{slot}, rule($tool, $call, $pattern, $what),
		from => $from, to => $to);
	# A write that falls short is followed by one that fails, and by a
	# cut that does, too.
	$w->{faults}->set($row->{slot} + 1, tool => $tool,
		call => pick(qw(write ftruncate)), path => $pattern,
		do => 'fail', arg => 'ENOSPC', from => $from + 1)
	    if $what eq 'short' && chance(0.5);
	return {name => "faults: $tool $call $pattern $what", since => now(),
		want => 1 + $to - $from};
}

sub end_fault {
	my ($w, $row) = @_;
	my $now = $row->{now} // return;
	my $fired = $w->{faults}->fired($row->{slot});
	$w->{faults}->unset($row->{slot});
	$w->{faults}->unset($row->{slot} + 1);
	$row->{done}++ if $fired;
	tally($fired ? ($now->{name}, $fired) : 'faults not reached in time');
	return;
}

# Until the rule was obeyed so often, or its time is over.
sub await {
	my ($w, $seconds, $want) = @_;
	wait_for($seconds, sub { $w->{faults}->fired(0) >= $want });
	my $fired = $w->{faults}->fired(0);
	$w->{faults}->unset(0);
	return $fired;
}

sub starts {
	my ($db, $seconds) = @_;
	my $until = now() + $seconds;
	my $w = Torture::World->new($db);
	my @all = map { my ($tool, $call, $pattern, $most, $what) = @$_;
	    map { [$tool, $call, $pattern, $what, $_] } 1 .. $most } @STARTS,
	    map { ['logload', @$_] } $db->starts;
	$w->keep_all;
	$w->load;
	while (now() < $until) {
		for my $start (shuffled(@all)) {
			my ($tool, $call, $pattern, $what, $nth) = @$start;
			last if now() > $until;
			fail_start($w, $nth, $tool, $call, $pattern, $what);
		}
	}
	$w->finish;
	return;
}

# Starts a tool, and its nth call fails.
sub fail_start {
	my ($w, $nth, $tool, $call, $pattern, $what) = @_;
	my $wait = $call =~ /malloc|calloc|realloc/ ? 0.5 : 1;
	$w->{faults}->set(0, rule($tool, $call, $pattern, $what),
		from => $nth);
	$w->kill_tool($tool, 'to start it anew');
	my $fired = await($w, $wait, 1);
	tally("faults: $tool $call $what, at its start", $fired) if $fired;
	tally('faults not reached in time') if !$fired;
	return;
}

# Memory: each of the first allocations of a process, some later ones, and a
# limit that the kernel keeps, which lets mmap fail too.
sub memory {
	my ($db, $seconds) = @_;
	my $until = now() + $seconds;
	my $w = Torture::World->new($db, lacks_memory => 1);
	my @tools = qw(logrecv logbatch logload);
	$w->keep_all;
	$w->load;
	my $n = 0;
	while (now() < $until) {
		$n++;
		for my $tool (@tools) {
			fail_start($w, $n, $tool, $_, '*', 'ENOMEM')
			    for qw(malloc calloc realloc);
			fail_at_once($w, $tool, pick(qw(malloc calloc realloc)));
		}
		limit_memory($w, pick(@tools), $n) if $n % 3 == 0;
	}
	$w->finish;
	return;
}

# A few allocations one after the other, in the midst of the work.
sub fail_at_once {
	my ($w, $tool, $call) = @_;
	$w->{faults}->set(0, rule($tool, $call, '*', 'ENOMEM'),
		from => 1 + int rand 30, to => 40);
	my $fired = await($w, 0.3, 3);
	tally("faults: $tool $call ENOMEM", $fired) if $fired;
	return;
}

# Some MiB more than it has now.
sub limit_memory {
	my ($w, $tool, $n) = @_;
	my $pid = $w->pid($tool) // return;
	my ($kib) = slurp("/proc/$pid/status") =~ /^VmSize:\s*(\d+)/m or return;
	my $bytes = 1024 * $kib + (1 << 20) * pick(0, 0, 1, 4, 16);
	run('prlimit', "--pid=$pid", "--as=$bytes");
	tally("faults: $tool mmap, by a limit of its memory");
	pause(between(0.5, 1.5));
	$pid = $w->pid($tool) // return;
	run('prlimit', "--pid=$pid", '--as=unlimited');
	return;
}

1;
