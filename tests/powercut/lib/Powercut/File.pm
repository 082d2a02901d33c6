package Powercut::File;

# A file of SQLite that lies below the root: as Powercut::Server, but that the
# cut itself decides what is in it.

use strict;
use warnings;

sub new { return bless {}, shift }
sub make { return }
sub drop { return }
sub close { return }

# The rows' lines, without their line breaks: none, where there is no such table
# yet.
sub ask {
	my ($self, $place, $table, $statement) = @_;
	my $there = "SELECT 1 FROM sqlite_schema WHERE name='$table'";
	for my $sql ($there, $statement) {
		open my $out, '-|:raw', 'sqlite3', '-batch', '-bail',
		    '-separator', "\t", "$place->{root}/logs.db", $sql
		    or die "sqlite3: $!\n";
		my @rows = <$out>;
		CORE::close $out or push @rows, "sqlite3 ended with $?\n";
		chomp @rows;
		return @rows if $sql eq $statement || !@rows;
	}
}

sub rows {
	my ($self, $place, $what, $table) = @_;
	return $self->ask($place, $table, "SELECT $what FROM $table");
}

# Of what is there the ledger is forgotten, or the rows have other keys.
sub fill {
	my ($self, $place, $from, $ledger, $forget_ledger, $forget_keys) = @_;
	$self->ask($place, 'log_files', 'DELETE FROM log_files') if $forget_ledger;
	$self->ask($place, 'logs', 'UPDATE logs SET line = line + 1000000')
	    if $forget_keys;
	return;
}

1;
