package Torture::Faults;

# The rules that faults.c obeys: a file that it has mapped, so that they can
# be set while the tools run, and count together for all processes.

use strict;
use warnings;
use Errno ();
use Fcntl qw(O_RDWR O_CREAT);
use Torture;

our $LIBRARY;

# As in faults.c.
use constant {RULES => 16, RULE_SIZE => 256};
# The last one is no fault: see deny_arrays.
use constant ARRAYS => RULES - 1;
my %ACTION = (kill_before => 1, kill_after => 2, fail => 3, fail_after => 4,
	short => 5, short_kill => 6, delay_before => 7, delay_after => 8,
	reset => 9, shift => 10, lie => 11);
my $LAYOUT = 'L7 x4 a16 a24 a184';

sub new {
	my ($class, $path) = @_;
	spill($path, "\0" x (RULES * RULE_SIZE));
	chmod 0666, $path;
	open my $file, '+<:raw', $path or die "$path: $!\n";
	my $self = bless {path => $path, file => $file, text => []}, $class;
	$self->set(ARRAYS, tool => 'logload', call => 'mariadb_get_infov',
		do => 'lie', to => 0xffffffff, chance => 500);
	$self->{text}[ARRAYS] = undef;
	return $self;
}

sub put {
	my ($self, $offset, $bytes) = @_;
	sysseek $self->{file}, $offset, 0 or die "$self->{path}: $!\n";
	syswrite($self->{file}, $bytes) == length $bytes
	    or die "$self->{path}: $!\n";
	return;
}

# Sets a rule: tool, call, do, and if need be path (a pattern; see faults.c for
# what stands for the path of a call), from, to (which of the calls, counted
# from now on; the first alone), arg (an errno's name, milliseconds, or
# seconds), chance (per mille).
sub set {
	my ($self, $slot, %r) = @_;
	my $from = $r{from} // 1;
	my $arg = $r{arg} // 0;
	$arg = Errno->can($arg)->() if $arg =~ /^E/;
	$self->put($slot * RULE_SIZE, pack 'L', 0);
	$self->put($slot * RULE_SIZE, pack $LAYOUT, 0,
		$ACTION{$r{do}} // die("unknown: $r{do}"), $from,
		$r{to} // $from, $arg, $r{chance} // 1000, 0,
		$r{tool}, $r{call}, $r{path} // '*');
	$self->put($slot * RULE_SIZE, pack 'L', 1);
	$self->{text}[$slot] = describe(%r);
	return;
}

sub describe {
	my (%r) = @_;
	my $n = $r{from} // 1;
	$n .= "..$r{to}" if defined $r{to} && $r{to} != $n;
	return "$r{tool} $r{call}($n) " . ($r{path} // '*') . " $r{do}"
	    . (defined $r{arg} ? " $r{arg}" : '');
}

# How often a rule was obeyed, and how many calls it has looked at.
sub fired { return $_[0]->counter($_[1], 24) }
sub counter {
	my ($self, $slot, $offset) = @_;
	my $bytes = '';
	sysseek $self->{file}, $slot * RULE_SIZE + $offset, 0;
	sysread $self->{file}, $bytes, 4;
	return unpack 'L', $bytes;
}

sub unset {
	my ($self, $slot) = @_;
	$self->put($slot * RULE_SIZE, pack 'L', 0);
	$self->{text}[$slot] = undef;
	return;
}

sub clear {
	my ($self) = @_;
	$self->unset($_) for 0 .. ARRAYS - 1;
	return;
}

# Of a thousand connections of logload, so many find a server that takes no
# arrays of rows, as MySQL's, and use LOAD DATA; half of them until this is set.
sub deny_arrays {
	my ($self, $chance) = @_;
	$self->put(ARRAYS * RULE_SIZE + 20, pack 'L', $chance);
	return;
}

# How many connections loaded by arrays, and how many did not.
sub arrays {
	my ($self) = @_;
	my $denied = $self->counter(ARRAYS, 24);
	return ($self->counter(ARRAYS, 28) - $denied, $denied);
}

# What is in force, for messages.
sub text {
	my ($self) = @_;
	my @text = grep { defined } @{$self->{text}};
	return @text ? ' under: ' . join('; ', @text) : '';
}

1;
