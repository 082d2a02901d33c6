package Powercut::Server;

# A session with a database server, through its own client, and tables that are
# as they were at some cut: what was committed then, as the trace tells.

use strict;
use warnings;
use IPC::Open2;

# What they say otherwise: once, at the begin; and when a table is made like
# another one, when all of a schema is dropped.
my $MYSQL = {begin => "SET sql_mode=CONCAT(\@\@sql_mode, ',ANSI_QUOTES'), "
	. "time_zone='+00:00'", like => '', all => ''};
my %WORDS = (mariadb => $MYSQL, mysql => $MYSQL, postgresql => {
	begin => "SET TimeZone='UTC'; SET client_min_messages=warning",
	like => ' INCLUDING ALL', all => ' CASCADE'});

sub new {
	my ($class, $kind, $client) = @_;
	my $self = bless {asked => 0, words => $WORDS{$kind}}, $class;
	$self->{pid} = open2(my $out, my $in, split ' ', $client);
	@$self{qw(in out)} = ($in, $out);
	binmode $_, ':raw' for $in, $out;
	$in->autoflush(1);
	$self->ask($self->{words}{begin});
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

sub rows {
	my ($self, $place, $what, $table) = @_;
	return $self->ask("SELECT $what FROM $place->{name}.$table");
}

# An empty schema with tables like those of another one.
sub make {
	my ($self, $name, $like) = @_;
	$self->drop($name);
	$self->ask("CREATE SCHEMA $name", map { "CREATE TABLE $name.$_ "
		. "(LIKE $like.$_$self->{words}{like})" } qw(logs log_files));
	return;
}

sub drop {
	my ($self, $name) = @_;
	$self->ask("DROP SCHEMA IF EXISTS $name$self->{words}{all}");
	return;
}

# What some transactions left, by the rows of the ledger that they wrote: the
# lines up to there of each file, from a schema that has them all. Without the
# ledger's lines, if these are forgotten, or with rows of other keys.
sub fill {
	my ($self, $place, $from, $ledger, $forget_ledger, $forget_keys) = @_;
	my $name = $place->{name};
	my @same = qw(id name table sha256 started_at);
	my @keys = qw(bytes events rejected torn progress lines);
	my (@files, @lines);
	for my $id (sort { $a <=> $b } keys %$ledger) {
		my $row = $ledger->{$id};
		my $loaded = $row->{loaded_at} eq 'NULL' ? 'NULL'
		    : 'CURRENT_TIMESTAMP(6)';
		push @files, "INSERT INTO $name.log_files ("
		    . join(', ', map { qq("$_") } @same, @keys)
		    . ', loaded_at) SELECT '
		    . join(', ', (map { qq("$_") } @same), @$row{@keys})
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
