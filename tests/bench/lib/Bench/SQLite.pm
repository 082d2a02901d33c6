package Bench::SQLite;

# A file of SQLite, as Bench::Database is a server. What the reference is
# imported into is another file with the same table, made in the same way.

use strict;
use warnings;
use Bench;

sub available {
	return system('command -v sqlite3 >/dev/null 2>&1') == 0 ? 'sqlite' : ();
}

sub start {
	my ($class) = @_;
	my $self = bless {kind => 'sqlite', reference => '.import', goal => '0.8',
		dir => scratch('sqlite')}, $class;
	mkdir $self->{dir} or die "$self->{dir}: $!\n";
	($self->{version}) = run('version', 'sqlite3', '--version') =~ /^(\S+)/;
	return $self;
}

sub end {
	my ($self) = @_;
	system 'rm', '-rf', $self->{dir};
	return;
}

sub does {
	my ($self, $part) = @_;
	return $part =~ /^(?:load|whole|idle)$/;
}

sub try {
	my ($self, $statement) = @_;
	my $out = scratch('sql');
	my $p = Bench::finish(spawn('sqlite3', {out => $out}, 'sqlite3',
		'-batch', '-bail', '-cmd', '.timeout 10000',
		'-cmd', "ATTACH '$self->{dir}/logs.db' AS logs",
		'-cmd', "ATTACH '$self->{dir}/reference.db' AS reference",
		':memory:', $statement));
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
	    // die "sqlite: $statement: $self->{error}\n";
}

sub events {
	my ($self) = @_;
	return $self->try('SELECT COALESCE(SUM(events), 0) FROM logs.log_files')
	    // 0;
}

sub reset {
	my ($self) = @_;
	unlink glob "$self->{dir}/*.db*";
	run('schema', 'sh', '-ce', '(echo "PRAGMA page_size=8192;'
		. 'PRAGMA journal_mode=WAL;"; "$0" --db "sqlite:$1" '
		. '--print-schema) | sqlite3 "$1"', "$BUILD/logload",
		"$self->{dir}/$_.db") for qw(logs reference);
	return;
}

sub logload {
	my ($self, @arguments) = @_;
	return ("$BUILD/logload", '--db', "sqlite:$self->{dir}/logs.db",
		'--log-level', 'warn', @arguments);
}

# The ways to load what lies in that folder; see inputs in Bench::Loading.
sub ways {
	my ($self, $dir) = @_;
	run('csv', 'sh', '-c', q(exec perl -lpe 's/\\\\\\\\/\\\\/g; s/"/""/g;
		s/\t/","/g; s/^|$/"/g' <"$0" >"$1"), "$dir/logs.tsv",
		"$dir/logs.csv");
	return (['logload', 'logs.logs',
			$self->logload('--jobs', 1, "$dir/all.ndjson")],
		['import', 'reference.logs', 'sqlite3', '-cmd',
			'PRAGMA synchronous=FULL', '-cmd', '.mode csv',
			"$self->{dir}/reference.db",
			".import $dir/logs.csv logs"]);
}

sub prefer { return }

sub checksum {
	my ($self, $table) = @_;
	return $self->sql('SELECT COUNT(*), SUM(LENGTH(payload)), '
		. "MIN(payload), MAX(payload), SUM(line), SUM(occurred_at), "
		. 'MAX(received_at), COUNT(DISTINCT user_id), COUNT(level) '
		. "FROM $table");
}

1;
