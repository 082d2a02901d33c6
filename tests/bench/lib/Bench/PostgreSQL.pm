package Bench::PostgreSQL;

# PostgreSQL, against psql's \copy of ready rows; see Bench::Database. It does
# not run as root: nobody does then.

use strict;
use warnings;
use parent -norequire, 'Bench::Database';
use Bench;

my ($BIN) = reverse sort glob '/usr/lib/postgresql/*/bin';

sub available { return defined $BIN && -x "$BIN/initdb" ? 'postgresql' : () }

# A server's program, as it is to run.
sub program {
	my ($name, @arguments) = @_;
	my @user = $> == 0 ? qw(--reuid nobody --regid nogroup --clear-groups)
	    : ();
	return ('setpriv', '--pdeathsig', 'KILL', @user, "$BIN/$name",
		@arguments);
}

sub begin {
	my ($self) = @_;
	my $port = Bench::Database::free_port();
	@$self{qw(reference goal url data)} = ('\copy', '0.9',
		"postgresql://root\@127.0.0.1:$port/postgres",
		scratch('postgresql'));
	chmod 0711, $DIR or die "$DIR: $!\n";
	mkdir $self->{data}, 0700 or die "$self->{data}: $!\n";
	system('chown', 'nobody', $self->{data}) == 0 or die if $> == 0;
	run('initdb', program('initdb', '-D', $self->{data}, '--auth=trust',
		'--username=root', '--encoding=UTF8', '--locale=C.UTF-8'));
	$self->{process} = spawn('postgres', program('postgres', '-D',
		$self->{data}, '-h', '127.0.0.1', '-p', $port,
		'-c', 'unix_socket_directories='));
	stop_at_exit(sub { $self->end });
	$self->wait_for_server;
	$self->{port} = $port;
	my $schema = run('logload', $self->logload('--print-schema'));
	$self->sql('ALTER DATABASE postgres SET search_path = logs; '
		. 'CREATE SCHEMA logs; CREATE SCHEMA reference; '
		. "SET search_path = logs; $schema; "
		. 'CREATE TABLE reference.logs (LIKE logs INCLUDING ALL)');
	$self->{version} = $self->sql('SHOW server_version');
	return;
}

sub client {
	my ($self, $statement) = @_;
	return ('psql', '-XqAt', '-F', "\t", '-v', 'ON_ERROR_STOP=1', '-c',
		$statement, $self->{url});
}

# The last round's writes are not the next one's to wait for.
sub reset {
	my ($self) = @_;
	$self->sql('TRUNCATE logs.logs, logs.log_files, reference.logs');
	$self->sql('CHECKPOINT');
	return;
}

sub logload {
	my ($self, @arguments) = @_;
	return ("$BUILD/logload", '--db', $self->{url}, '--log-level', 'warn',
		@arguments);
}

sub ways {
	my ($self, $dir) = @_;
	return (['logload', 'logs.logs',
			$self->logload('--jobs', 1, "$dir/all.ndjson")],
		['import', 'reference.logs', $self->client(
			"\\copy reference.logs FROM '$dir/logs.tsv'")],
		['logload 2', 'logs.logs', $self->logload('--jobs', 2,
			"$dir/1.ndjson", "$dir/2.ndjson")],
		$self->odbc_way('psqlodbcw.so', 'Server=127.0.0.1;'
			. "Port=$self->{port};Database=postgres;UID=root",
			"$dir/all.ndjson"),
		['import 2', 'reference.logs', 'sh', '-c', <<'SH', $dir, $self->{url}]);
for i in 1 2; do
	psql -Xq -c "\\copy reference.logs FROM '$0/two/logs.$i'" "$1" &
done
wait
SH
}

sub checksum {
	my ($self, $table) = @_;
	return $self->sql('SELECT COUNT(*), SUM(hashtext(CONCAT_WS(\'|\', '
		. 'received_at, line, occurred_at, event, level, user_id, '
		. "payload))::bigint) FROM $table");
}

1;
