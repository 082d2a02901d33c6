package Bench::Database;

# A database for the benchmarks, with the durability it has by default: a server
# of our own on a port of 127.0.0.1, or a file. Connections are plain for all
# clients alike: TLS is not what is compared. A module for each kind has
#
#	available            the kinds of its own that this machine has
#	begin                sets {reference}, what logload is compared with, and
#	                     {goal}, and starts it
#	client STATEMENT     the command that runs it, over a schema or database
#	                     logs for logload and one for the reference
#	reset                empty tables, made if need be
#	logload ARGUMENT...  the command
#	ways DIR             to load what lies there: [NAME, TABLE, COMMAND...]
#	checksum TABLE       what both tables must agree on

use strict;
use warnings;
use IO::Socket::INET;
use POSIX ();
use Bench;
use Bench::MySQL;
use Bench::PostgreSQL;
use Bench::SQLite;

my @CLASSES = qw(Bench::MySQL Bench::PostgreSQL Bench::SQLite);

sub available { return map { $_->available } @CLASSES }

sub start {
	my (undef, $kind) = @_;
	my ($class) = grep { grep { $_ eq $kind } $_->available } @CLASSES;
	my $self = bless {kind => $kind}, $class;
	say("starting $kind");
	$self->begin;
	return $self;
}

sub free_port {
	for (1 .. 100) {
		my $port = 10240 + int rand 22000;
		return $port if IO::Socket::INET->new(Proto => 'tcp',
			LocalAddr => '127.0.0.1', LocalPort => $port,
			Listen => 1);
	}
	die "no free port\n";
}

# Until the server of {process} answers.
sub wait_for_server {
	my ($self) = @_;
	wait_until("$self->{kind} answers", 120, sub {
		-d "/proc/$self->{process}{pid}" or die "$self->{kind} ended: ",
		    substr(slurp($self->{process}{err}) . $self->{error},
			-1000), "\n";
		return defined $self->try('SELECT 1');
	});
	return;
}

# Safe to call twice. Nobody needs its data: no orderly shutdown.
sub end {
	my ($self) = @_;
	my ($p, $data) = delete @$self{qw(process data)};
	stop($p, 'KILL') if $p;
	system 'rm', '-rf', $data if $data;
	return;
}

# What a statement printed, without names; undef if it failed.
sub try {
	my ($self, $statement) = @_;
	my $out = scratch('sql');
	my $p = Bench::finish(spawn('sql', {out => $out},
		$self->client($statement)));
	$self->{error} = slurp($p->{err});
	my $text = slurp($out);
	unlink $out, $p->{err};
	return if $p->{status} != 0;
	chomp $text;
	return $text;
}

sub sql {
	my ($self, $statement) = @_;
	return $self->try($statement)
	    // die "$self->{kind}: $statement: $self->{error}\n";
}

# The events that are committed, by the ledger: counting rows takes too long.
sub events {
	my ($self) = @_;
	return $self->try('SELECT COALESCE(SUM(events), 0) FROM logs.log_files')
	    // 0;
}

# Which parts of a run it is for.
sub does {
	my ($self, $part) = @_;
	return $part =~ /^(?:load|whole|idle)$/;
}

# By ODBC, where there is Debian's driver, as one more of the ways.
sub odbc_way {
	my ($self, $driver, $connection, $file) = @_;
	my ($path) = glob "/usr/lib/*/odbc/$driver" or return;
	return if !-e $path;
	return ['odbc', 'logs.logs', "$BUILD/logload", '--db',
		"odbc:Driver=$path;$connection", '--log-level', 'warn', '--jobs', 1,
		$file];
}

# The processor's time up to now: of what we have started and is at its end, and
# of the server, whose children's goes to their parent at theirs.
sub cpu_seconds {
	my ($self) = @_;
	my $seconds = (times)[2] + (times)[3];
	my $server = ($self->{process} // return $seconds)->{pid};
	my $per_second = POSIX::sysconf(POSIX::_SC_CLK_TCK());
	my (%ticks, %children);
	for (glob '/proc/[0-9]*/stat') {
		my ($pid, $rest) = slurp($_) =~ /^(\d+) .*\) (.*)/s or next;
		my @field = split ' ', $rest;
		push @{$children{$field[1]}}, $pid;
		$ticks{$pid} = $field[11] + $field[12];
		$ticks{$pid} += $field[13] + $field[14] if $pid == $server;
	}
	my @tree = ($server);
	while (defined(my $pid = shift @tree)) {
		$seconds += ($ticks{$pid} // 0) / $per_second;
		push @tree, @{$children{$pid} // []};
	}
	return $seconds;
}

# Before one of the ways.
sub prefer { return }

1;
