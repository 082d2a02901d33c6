package Torture;

# What all scenarios share: a scratch directory, chance, processes that end
# with us, waiting, and the counts that are told at the end.

use strict;
use warnings;
use Exporter 'import';
use File::Path qw(remove_tree);
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep);

our @EXPORT = qw($DIR $BIN $BUILD $TOP %COUNT %KILLS %POINTS @FIGURES now say
    tally tally_kill violation chance between pick shuffled spawn later tend
    pause wait_for run kill_hard stop slurp spill spew free_port http_post
    pids_of at_exit status_text);

our ($DIR, $BIN, $BUILD, $TOP);
our %COUNT;         # what happened how often, by name
our %KILLS;         # how => what => how often
our %POINTS;        # point => side of it => kills
our @FIGURES;       # what was measured, in lines
our @violations;    # of the promise: [scenario, text]
our $scenario = '';
our $keep;

my %children;       # pid => process
my @at_exit;
my $owner = $$;
my $started = clock_gettime(CLOCK_MONOTONIC);

STDOUT->autoflush(1);

sub now { return clock_gettime(CLOCK_MONOTONIC) }

# A line of progress.
sub say {
	printf "[%7.1f] %s%s\n", now() - $started,
	    $scenario ne '' ? "$scenario: " : '', "@_";
	return;
}

sub tally {
	my ($what, $n) = @_;
	$COUNT{$what} += $n // 1;
	return;
}

# how: 'at random', if not given.
sub tally_kill {
	my ($what, $how) = @_;
	$KILLS{$how // 'at random'}{$what}++;
	return;
}

sub violation {
	my ($text) = @_;
	# Once is enough.
	return if grep { $_->[0] eq $scenario && $_->[1] eq $text } @violations;
	push @violations, [$scenario, $text];
	say("VIOLATION: $text");
	return;
}

# --- chance, all of it from one seed

sub chance { return rand() < $_[0] }

sub between {
	my ($from, $to) = @_;
	return $from + rand($to - $from);
}

sub pick { return $_[int rand @_] }

sub shuffled {
	my @list = @_;
	for (my $i = @list; --$i > 0;) {
		my $j = int rand($i + 1);
		@list[$i, $j] = @list[$j, $i];
	}
	return @list;
}

# --- files

sub slurp {
	my ($path) = @_;
	open my $in, '<:raw', $path or return '';
	local $/;
	return <$in> // '';
}

sub spill {
	my ($path, $text) = @_;
	open my $out, '>:raw', $path or die "$path: $!\n";
	print {$out} $text;
	close $out or die "$path: $!\n";
	return $path;
}

# Appends.
sub spew {
	my ($path, $text) = @_;
	open my $out, '>>:raw', $path or die "$path: $!\n";
	print {$out} $text;
	close $out or die "$path: $!\n";
	return;
}

# --- processes

# Starts a program in a process group of its own. Where we die, the kernel
# kills it. Options: env, out, err, on_end (called with the process when it has
# ended), under (words in front of the command).
sub spawn {
	my ($name, $o, @command) = @_;
	my $p = {name => $name, start => now(), on_end => $o->{on_end}};
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		setpgrp;
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE);
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', $o->{out} // "$DIR/out" or POSIX::_exit(127);
		open STDERR, '>>', $o->{err} // "$DIR/log" or POSIX::_exit(127);
		%ENV = (%ENV, TORTURE_DIR => $DIR, %{$o->{env} // {}});
		no warnings 'exec';
		exec 'setpriv', '--pdeathsig', 'KILL', @{$o->{under} // []},
		    @command;
		POSIX::_exit(127);
	}
	$p->{pid} = $pid;
	$children{$pid} = $p;
	return $p;
}

# A child of ours that is no program: runs code, and ends with it.
sub spawn_code {
	my ($name, $code) = @_;
	my $p = {name => $name, start => now()};
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		setpgrp;
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
		$SIG{PIPE} = 'IGNORE';
		eval { $code->(); 1 } or print STDERR "$name: $@";
		POSIX::_exit(0);
	}
	$p->{pid} = $pid;
	$children{$pid} = $p;
	return $p;
}

# Calls code after that time, from within some wait.
my @later;
sub later {
	my ($seconds, $code) = @_;
	push @later, [now() + $seconds, $code];
	return;
}

# Looks which processes have ended, and does what is due; every wait of the
# driver does it.
sub tend {
	my $now = now();
	my @due = grep { $_->[0] <= $now } @later;
	if (@due) {
		@later = grep { $_->[0] > $now } @later;
		$_->[1]->() for @due;
	}
	while ((my $pid = waitpid -1, WNOHANG) > 0) {
		my $p = delete $children{$pid} or next;
		$p->{status} = $?;
		$p->{ended} = now();
		$p->{on_end}->($p) if $p->{on_end};
	}
	return;
}

sub pause {
	my ($seconds) = @_;
	my $until = now() + $seconds;
	for (;;) {
		tend();
		my $left = $until - now();
		return if $left <= 0;
		sleep($left < 0.01 ? $left : 0.01);
	}
}

# Until the condition is true: how long that took, undef if it did not become
# so in time.
sub wait_for {
	my ($seconds, $condition) = @_;
	my $start = now();
	my $nap = 0.005;
	until ($condition->()) {
		return if now() - $start > $seconds * ($ENV{WAIT_SCALE} // 1);
		pause($nap);
		$nap *= 1.5 if $nap < 0.1;
	}
	return now() - $start;
}

sub kill_hard {
	my ($p) = @_;
	kill 'KILL', $p->{pid} unless defined $p->{ended};
	wait_for(20, sub { defined $p->{ended} });
	return;
}

# Sends TERM and waits; true if it has ended by itself.
sub stop {
	my ($p, $seconds) = @_;
	kill 'TERM', $p->{pid} unless defined $p->{ended};
	return 1 if defined wait_for($seconds // 30, sub { defined $p->{ended} });
	kill 'KILL', -$p->{pid}, $p->{pid};
	kill_hard($p);
	return 0;
}

sub status_text {
	my ($status) = @_;
	return $status & 127 ? 'signal ' . ($status & 127)
	    : 'status ' . ($status >> 8);
}

# Runs a program to its end and returns what it printed, and its status.
my $runs = 0;
sub run {
	my (@command) = @_;
	my $out = "$DIR/run." . ++$runs;
	my $p = spawn($command[0], {out => $out, err => "$out.err"}, @command);
	my $done = wait_for(60, sub { defined $p->{ended} });
	if (!defined $done) {
		kill 'KILL', -$p->{pid};
		kill_hard($p);
	}
	my ($text, $error) = (slurp($out), slurp("$out.err"));
	unlink $out, "$out.err";
	return wantarray ? ($text, $p->{status}, $error) : $text;
}

# The processes of a program of ours that bear a word in their environment.
sub pids_of {
	my ($program, $variable) = @_;
	my @pids;
	for my $exe (glob '/proc/[0-9]*/exe') {
		my $target = readlink $exe // next;
		next unless $target =~ m{^\Q$BIN/$program\E(?: \(deleted\))?$};
		my ($pid) = $exe =~ /(\d+)/;
		push @pids, $pid
		    if index("\0" . slurp("/proc/$pid/environ"),
			"\0$variable\0") >= 0;
	}
	return @pids;
}

sub at_exit { push @at_exit, @_; return }

# Everything that was started with our scratch directory in its environment,
# whatever group or parent it has by now.
sub kill_all {
	kill 'KILL', map { ($_, -$_) } keys %children if %children;
	for (1 .. 10) {
		my @left;
		for my $path (glob '/proc/[0-9]*/environ') {
			my ($pid) = $path =~ /(\d+)/;
			next if $pid == $$;
			push @left, $pid if index("\0" . slurp($path),
				"\0TORTURE_DIR=$DIR\0") >= 0;
		}
		last if !@left;
		kill 'KILL', @left;
		sleep 0.05;
	}
	waitpid $_, 0 for keys %children;
	%children = ();
	return;
}

# A second signal does not stop the tidying up.
for my $name (qw(INT TERM HUP)) {
	$SIG{$name} = sub {
		$SIG{$_} = 'IGNORE' for qw(INT TERM HUP);
		die "stopped by SIG$_[0]\n";
	};
}
$SIG{PIPE} = 'IGNORE';

END {
	if ($$ == $owner && defined $DIR) {
		my $status = $?;
		$SIG{$_} = 'IGNORE' for qw(INT TERM HUP);
		kill_all();
		$_->() for reverse @at_exit;
		chdir '/';
		if ($keep || @violations) {
			print "kept for study: $DIR\n";
		} else {
			remove_tree($DIR);
		}
		$? = $status;
	}
}

# --- the network, all of it 127.0.0.1

# Below the ports that the kernel gives to others; runs with one seed, beside each
# other, have their own.
sub free_port {
	for (1 .. 100) {
		my $port = 10240 + ($$ + int rand 22000) % 22000;
		return $port if IO::Socket::INET->new(Proto => 'tcp',
			LocalAddr => '127.0.0.1', LocalPort => $port,
			Listen => 1, ReuseAddr => 1);
	}
	die "no free port\n";
}

# Posts a body to /log: (status, head of the answer, its body); 0 if there
# came none.
sub http_post {
	my ($port, $body, $seconds) = @_;
	my $until = now() + ($seconds // 5);
	my $s = IO::Socket::INET->new(Proto => 'tcp', PeerAddr => '127.0.0.1',
		PeerPort => $port, Timeout => 2) or return (0, '', '');
	my $length = length $body;
	syswrite $s, "POST /log HTTP/1.1\r\nHost: localhost\r\n"
	    . "Content-Length: $length\r\nConnection: close\r\n\r\n$body";
	my $answer = '';
	while (now() < $until) {
		my $bits = '';
		vec($bits, fileno $s, 1) = 1;
		tend();
		next if select($bits, undef, undef, 0.02) <= 0;
		my $n = sysread $s, $answer, 65536, length $answer;
		last if !$n;
		last if $answer =~ /\r\nContent-Length: (\d+)\r\n.*?\r\n\r\n
		    (.*)/sx && length $2 >= $1;
	}
	my ($head, $rest) = split /\r\n\r\n/, $answer, 2;
	return (0, '', '') unless ($head // '') =~ m{^HTTP/1\.1 (\d{3})}
	    && defined $rest;
	return ($1, $head, $rest);
}

1;
