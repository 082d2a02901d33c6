package Bench;

# What all benchmarks share: a scratch directory, processes that end with us,
# what /proc says of them, and the table of results.

use strict;
use warnings;
use Exporter 'import';
use File::Path qw(remove_tree);
use IO::Handle;
use POSIX qw(WNOHANG floor);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep);

our @EXPORT = qw($DIR $BUILD $HERE %SETTING now say scratch slurp spill
    spawn finish stop run took wait_until wait_listening stop_at_exit
    end_on_signals limit_time peak_kib note_peak take_peak cpu_us cpu_ticks
    folder_bytes median sample rotated number result result_text table);

our ($DIR, $BUILD, $HERE, %SETTING);

my %children;    # pid => name
my @at_exit;
my %samples;     # key => [a value a round]
my %peak_of;     # name => KiB
my @rows;
my $printed = 0;

STDOUT->autoflush(1);

sub now { return clock_gettime(CLOCK_MONOTONIC) }
sub say { print STDERR "# @_\n"; return }

# A new path below the scratch directory.
my $scratch_count = 0;
sub scratch {
	my ($name) = @_;
	return sprintf '%s/%s.%d', $DIR, $name, ++$scratch_count;
}

sub slurp {
	my ($path) = @_;
	open my $in, '<', $path or return '';
	local $/;
	my $text = <$in>;
	return $text // '';
}

sub spill {
	my ($path, $text) = @_;
	open my $out, '>', $path or die "$path: $!\n";
	print {$out} $text;
	close $out or die "$path: $!\n";
	return $path;
}

# --- processes

# Starts a program; its output goes to {out} and {err}, or to files of its
# own. Where we die, the kernel kills it.
sub spawn {
	my ($name, @command) = @_;
	my $how = ref $command[0] ? shift @command : {};
	my $p = {name => $name, start => now(),
		out => $how->{out} // scratch("$name.out"),
		err => $how->{err} // scratch("$name.err")};
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		setpgrp;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $p->{out} or POSIX::_exit(127);
		open STDERR, '>', $p->{err} or POSIX::_exit(127);
		exec 'setpriv', '--pdeathsig', 'KILL', @command
		    or POSIX::_exit(127);
	}
	$p->{pid} = $pid;
	$children{$pid} = $name;
	return $p;
}

# Waits for its end; {seconds} is its exact wall time. With `peak` its memory
# is looked at meanwhile.
sub finish {
	my ($p, %o) = @_;
	my $limit = $o{limit} // 600;
	if ($o{peak}) {
		my $until = now() + $limit;
		while (waitpid($p->{pid}, WNOHANG) == 0) {
			note_peak($p, $o{peak});
			die "$p->{name} takes too long\n" if now() > $until;
			sleep 0.02;
		}
	} else {
		local $SIG{ALRM} = sub { die "$p->{name} takes too long\n" };
		alarm $limit;
		waitpid $p->{pid}, 0;
		alarm 0;
	}
	$p->{seconds} = now() - $p->{start};
	$p->{status} = $?;
	delete $children{$p->{pid}};
	return $p;
}

sub stop {
	my ($p, $signal) = @_;
	note_peak($p, $p->{name});
	kill $signal // 'TERM', $p->{pid};
	return finish($p, limit => 60);
}

# Runs a program to its end and returns what it printed; dies if it fails.
sub run {
	my ($name, @command) = @_;
	my $p = finish(spawn($name, @command));
	my $out = slurp($p->{out});
	if ($p->{status} != 0) {
		my $command = join ' ', grep { !ref } @command;
		die "$command: status ", $p->{status} >> 8, ', signal ',
		    $p->{status} & 127, "\n", substr($out, 0, 2000),
		    substr(slurp($p->{err}), -2000), "\n";
	}
	unlink $p->{out}, $p->{err};
	return $out;
}

# The wall time in seconds of such a run.
sub took {
	my $start = now();
	run(@_);
	return now() - $start;
}

sub wait_until {
	my ($what, $seconds, $condition) = @_;
	my $until = now() + $seconds;
	until ($condition->()) {
		die "$what: not within $seconds s\n" if now() > $until;
		sleep 0.01;
	}
	return;
}

# Its address, once it has told it.
sub wait_listening {
	my ($p) = @_;
	my $address;
	wait_until("$p->{name} listens", 20, sub {
		($address) = (slurp($p->{err}) . slurp($p->{out})) =~
		    /listening address=([\d.]+:\d+)/;
		die "$p->{name} ended: ", slurp($p->{err}), "\n"
		    if waitpid($p->{pid}, WNOHANG) != 0;
		return $address;
	});
	return $address;
}

# A process of ours that ends us after that time; alarm is taken, by finish.
# Should we be killed outright, it removes what the kernel does not.
sub limit_time {
	my ($seconds) = @_;
	my $us = $$;
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
		setpgrp;
		for (1 .. $seconds) {
			sleep 1;
			next if getppid() == $us;
			system "docker rm -f -v \$(docker ps -a -q -f "
			    . "name=logs-bench-$us-) >/dev/null 2>&1";
			remove_tree($DIR);
			POSIX::_exit(0);
		}
		print STDERR "# not done within $seconds s\n";
		kill 'TERM', $us;
		POSIX::_exit(0);
	}
	$children{$pid} = 'limit';
	return;
}

# A second signal does not stop the tidying up.
sub end_on_signals {
	for my $name (qw(INT TERM HUP)) {
		$SIG{$name} = sub {
			$SIG{$_} = 'IGNORE' for qw(INT TERM HUP);
			die "stopped by SIG$_[0]\n";
		};
	}
	return;
}

sub stop_at_exit { push @at_exit, @_; return }

END {
	my $status = $?;
	$SIG{$_} = 'IGNORE' for qw(INT TERM HUP);
	table();
	kill 'KILL', map { -$_ } keys %children if %children;
	waitpid $_, 0 for keys %children;
	$_->() for reverse @at_exit;
	chdir '/';
	remove_tree($DIR) if defined $DIR && -d $DIR;
	$? = $status;
}

# --- what /proc says

sub peak_kib {
	my ($p) = @_;
	return slurp("/proc/$p->{pid}/status") =~ /^VmHWM:\s+(\d+)/m ? $1 : 0;
}

# Keeps the largest that was seen under that name.
sub note_peak {
	my ($p, $name) = @_;
	my $kib = peak_kib($p);
	$peak_of{$name} = $kib if $kib > ($peak_of{$name} // 0);
	return $peak_of{$name} // 0;
}

# That largest, in KiB, and begins anew.
sub take_peak {
	my ($name) = @_;
	return delete $peak_of{$name} // 0;
}

# utime + stime, children waited for not included.
sub cpu_ticks {
	my ($p) = @_;
	my $stat = slurp("/proc/$p->{pid}/stat");
	$stat =~ s/^.*\) //s;
	my @field = split ' ', $stat;
	return $field[11] + $field[12];
}

# The scheduler's own count, finer than ticks; of all threads.
sub cpu_us {
	my ($p) = @_;
	my $ns = 0;
	$ns += (split ' ', slurp($_))[0] // 0
	    for glob "/proc/$p->{pid}/task/*/schedstat";
	return $ns / 1000;
}

# Files and bytes directly in a directory.
sub folder_bytes {
	my ($path) = @_;
	my ($files, $bytes) = (0, 0);
	opendir my $dir, $path or return (0, 0);
	for (readdir $dir) {
		next if /^\./;
		my $size = -s "$path/$_" // next;
		$files++;
		$bytes += $size;
	}
	return ($files, $bytes);
}

# --- results

sub median {
	my @v = sort { $a <=> $b } @_ or return 0;
	my $mid = floor(@v / 2);
	return @v % 2 ? $v[$mid] : ($v[$mid - 1] + $v[$mid]) / 2;
}

# One value of one round.
sub sample {
	my ($key, $value) = @_;
	push @{$samples{$key}}, $value;
	say(sprintf '  %-34s %s', $key, number($value));
	return $value;
}

# The list, begun elsewhere in each round: nobody is always first.
sub rotated {
	my ($round, @list) = @_;
	my $by = $round % @list;
	return (@list[$by .. $#list], @list[0 .. $by - 1]);
}

sub number {
	my ($v) = @_;
	return $v if $v !~ /^-?[\d.]+(?:e[-+]?\d+)?$/;
	my $text = sprintf $v >= 1000 ? '%.0f' : $v >= 100 ? '%.1f' : '%.2f', $v;
	1 while $text =~ s/^(\d+)(\d{3})/$1,$2/;
	return $text;
}

sub spread {
	my @v = sort { $a <=> $b } @_;
	return number(median(@v)) if @v < 2;
	return sprintf '%s (%s..%s)', number(median(@v)), number($v[0]),
	    number($v[-1]);
}

# A line of the table: ours against a reference, round by round. {inverse}:
# the samples are times, so the ratio is of speeds.
sub result {
	my ($what, $ours, $reference, $target, %o) = @_;
	my $a = $samples{$ours} or return;
	my $b = defined $reference ? $samples{$reference} : undef;
	my @ratios;
	for my $i (0 .. $#$a) {
		next unless $b && $a->[$i] && $b->[$i];
		push @ratios,
		    $o{inverse} ? $b->[$i] / $a->[$i] : $a->[$i] / $b->[$i];
	}
	push @rows, [$what, spread(@$a), $b ? number(median(@$b)) : '',
		@ratios ? spread(@ratios) : '', $target // ''];
	return;
}

sub result_text { push @rows, [map { $_ // '' } @_[0 .. 4]]; return }

# Prints what there is, once.
sub table {
	return if $printed++ || !@rows;
	my @all = (['measure', 'ours: median (min..max)', 'reference',
		'ratio (min..max)', 'must reach'], @rows);
	my @width = (0) x 5;
	for my $row (@all) {
		for (0 .. 4) {
			$width[$_] = length $row->[$_]
			    if length $row->[$_] > $width[$_];
		}
	}
	splice @all, 1, 0, [map { '-' x $_ } @width];
	for my $row (@all) {
		print '| ', join(' | ', map {
			sprintf '%-*s', $width[$_], $row->[$_] } 0 .. 4), " |\n";
	}
	return;
}

1;
