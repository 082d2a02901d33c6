package Bench::SQLite;

# A file of SQLite, against sqlite3's .import of ready CSV into another one with
# the same table, made in the same way; see Bench::Database.

use strict;
use warnings;
use parent -norequire, 'Bench::Database';
use Bench;

sub available {
	return system('command -v sqlite3 >/dev/null 2>&1') == 0 ? 'sqlite' : ();
}

sub begin {
	my ($self) = @_;
	@$self{qw(reference goal data)} = ('.import', '0.8', scratch('sqlite'));
	mkdir $self->{data} or die "$self->{data}: $!\n";
	($self->{version}) = run('version', 'sqlite3', '--version') =~ /^(\S+)/;
	return;
}

sub client {
	my ($self, $statement) = @_;
	return ('sqlite3', '-batch', '-bail', '-cmd', '.timeout 10000',
		'-cmd', "ATTACH '$self->{data}/logs.db' AS logs",
		'-cmd', "ATTACH '$self->{data}/reference.db' AS reference",
		':memory:', $statement);
}

sub reset {
	my ($self) = @_;
	unlink glob "$self->{data}/*.db*";
	run('schema', 'sh', '-ce', '(echo "PRAGMA page_size=8192;'
		. 'PRAGMA journal_mode=WAL;"; "$0" --db "sqlite:$1" '
		. '--print-schema) | sqlite3 "$1"', "$BUILD/logload",
		"$self->{data}/$_.db") for qw(logs reference);
	return;
}

sub logload {
	my ($self, @arguments) = @_;
	return ("$BUILD/logload", '--db', "sqlite:$self->{data}/logs.db",
		'--log-level', 'warn', @arguments);
}

sub ways {
	my ($self, $dir) = @_;
	run('csv', 'sh', '-c', q(exec perl -lpe 's/\\\\\\\\/\\\\/g; s/"/""/g;
		s/\t/","/g; s/^|$/"/g' <"$0" >"$1"), "$dir/logs.tsv",
		"$dir/logs.csv");
	return (['logload', 'logs.logs',
			$self->logload('--jobs', 1, "$dir/all.ndjson")],
		['import', 'reference.logs', 'sqlite3', '-cmd',
			'PRAGMA synchronous=FULL', '-cmd', '.mode csv',
			"$self->{data}/reference.db",
			".import $dir/logs.csv logs"],
		$self->odbc_way('libsqlite3odbc.so',
			"Database=$self->{data}/logs.db", "$dir/all.ndjson"));
}

sub checksum {
	my ($self, $table) = @_;
	return $self->sql('SELECT COUNT(*), SUM(LENGTH(payload)), '
		. "MIN(payload), MAX(payload), SUM(line), SUM(occurred_at), "
		. 'MAX(received_at), COUNT(DISTINCT user_id), COUNT(level) '
		. "FROM $table");
}

1;
