package Powercut::Database;

# A session with the database, through the mariadb client, and tables that are
# as they were at some cut.

use strict;
use warnings;
use IPC::Open2;

sub new {
	my ($class, $socket) = @_;
	my $self = bless {asked => 0}, $class;
	$self->{pid} = open2(my $out, my $in, 'mariadb', '--no-defaults',
		"--socket=$socket", '--user=root', '--batch', '--raw',
		'--skip-column-names', '--unbuffered');
	@$self{qw(in out)} = ($in, $out);
	binmode $_, ':raw' for $in, $out;
	$in->autoflush(1);
	return $self;
}

# The rows' lines, without their line breaks.
sub ask {
	my ($self, @statements) = @_;
	my $end = 'end of answer ' . ++$self->{asked};
	print {$self->{in}} map { "$_;\n" } @statements, "SELECT '$end'";
	my @rows;
	while (defined(my $line = readline $self->{out})) {
		chomp $line;
		return @rows if $line eq $end;
		push @rows, $line;
	}
	die "the database did not answer: @statements\n";
}

# An empty database with tables like those of another one.
sub make {
	my ($self, $name, $like) = @_;
	$self->ask("DROP DATABASE IF EXISTS $name", "CREATE DATABASE $name",
		map { "CREATE TABLE $name.$_ LIKE $like.$_" }
		    qw(logs log_files));
	return;
}

sub drop {
	my ($self, $name) = @_;
	$self->ask("DROP DATABASE $name");
	return;
}

# What some transactions left, by the rows of the ledger that they wrote: the
# lines up to there of each file, from a database that has them all. Without the
# ledger's lines, if these are forgotten, or with rows of other keys.
sub fill {
	my ($self, $name, $from, $ledger, $forget_ledger, $forget_keys) = @_;
	my @same = qw(id name table sha256 started_at);
	my @keys = qw(bytes events rejected torn progress lines);
	my (@files, @lines);
	for my $id (sort { $a <=> $b } keys %$ledger) {
		my $row = $ledger->{$id};
		my $loaded = $row->{loaded_at} eq 'NULL' ? 'NULL'
		    : 'UTC_TIMESTAMP(6)';
		push @files, "INSERT INTO $name.log_files ("
		    . join(', ', map { "`$_`" } @same, @keys)
		    . ', loaded_at) SELECT '
		    . join(', ', (map { "`$_`" } @same), @$row{@keys})
		    . ", $loaded FROM $from.log_files"
		    . " WHERE id=$id" unless $forget_ledger;
		push @lines, "(file_id=$id AND line<=$row->{lines})";
	}
	$self->ask('START TRANSACTION', "DELETE FROM $name.logs",
		"DELETE FROM $name.log_files", @files,
		(@lines ? "INSERT INTO $name.logs SELECT * FROM $from.logs"
			. ' WHERE ' . join(' OR ', @lines) : ()),
		($forget_keys ? "UPDATE $name.logs SET line = line + 1000000"
			: ()), 'COMMIT');
	return;
}

sub close {
	my ($self) = @_;
	CORE::close $self->{in};
	CORE::close $self->{out};
	waitpid $self->{pid}, 0;
	return;
}

1;
