package Bench::MySQL;

# MySQL 9.7 in Docker, or MariaDB, with its binary log on, against
# mariadb-import of a ready TSV; see Bench::Database.

use strict;
use warnings;
use parent -norequire, 'Bench::Database';
use Bench;

my $MYSQL_IMAGE = 'mysql:9.7';

sub available {
	my @kinds;
	push @kinds, 'mysql'
	    if system("docker image inspect $MYSQL_IMAGE >/dev/null 2>&1") == 0;
	push @kinds, 'mariadb'
	    if system('command -v mariadbd >/dev/null 2>&1') == 0;
	return @kinds;
}

sub begin {
	my ($self) = @_;
	@$self{qw(reference goal port)} = ('mariadb-import', '1.0',
		Bench::Database::free_port());
	$self->{conf} = spill(scratch('client.cnf'), <<"CONF");
[client]
host=127.0.0.1
port=$self->{port}
protocol=tcp
user=root
password=secret
skip-ssl
default-character-set=utf8mb4
CONF
	chmod 0600, $self->{conf};
	$self->{kind} eq 'mysql' ? $self->start_mysql : $self->start_mariadb;
	$self->wait_for_server;
	$self->sql('CREATE DATABASE IF NOT EXISTS logs;'
		. 'CREATE DATABASE IF NOT EXISTS reference');
	$self->{version} = $self->sql('SELECT VERSION()');
	$ENV{LOGLOAD_DB_PASSWORD} = 'secret';
	return;
}

sub start_mysql {
	my ($self) = @_;
	my $name = "logs-bench-$$-$self->{port}";
	$self->{container} = $name;
	$self->{process} = {err => ''};
	stop_at_exit(sub { $self->end });
	# Its files lie in a volume without a name, which goes with it.
	run('docker', qw(docker run -d --rm --network host --name), $name,
		qw(-v /var/lib/mysql -e MYSQL_ROOT_PASSWORD=secret),
		$MYSQL_IMAGE, 'mysqld', '--bind-address=127.0.0.1',
		"--port=$self->{port}", '--local-infile=1');
	my ($pid) = run('docker', qw(docker inspect -f {{.State.Pid}}), $name)
	    =~ /(\d+)/;
	# A handle as spawn makes it, to look at its memory.
	$self->{process} = {pid => $pid, name => 'mysqld', err => ''};
	return;
}

sub start_mariadb {
	my ($self) = @_;
	my $data = scratch('mariadb');
	my @user = $> == 0 ? '--user=root' : ();
	run('install-db', 'mariadb-install-db', '--no-defaults', @user,
		'--skip-test-db', "--datadir=$data",
		'--auth-root-authentication-method=normal');
	my $init = spill(scratch('init.sql'),
		"CREATE OR REPLACE USER root\@127.0.0.1 IDENTIFIED BY 'secret';\n"
		. "GRANT ALL ON *.* TO root\@127.0.0.1 WITH GRANT OPTION;\n");
	$self->{data} = $data;
	$self->{process} = spawn('mariadbd', 'mariadbd', '--no-defaults',
		@user, "--datadir=$data", "--socket=$data/socket",
		"--pid-file=$data/pid", '--bind-address=127.0.0.1',
		"--port=$self->{port}", '--skip-name-resolve', '--log-bin',
		# Not its default: committed files would be lost with the power.
		'--sync-binlog=1',
		'--local-infile=1', "--init-file=$init");
	stop_at_exit(sub { $self->end });
	return;
}

sub end {
	my ($self) = @_;
	my $name = delete $self->{container};
	return $self->SUPER::end if !defined $name;
	delete $self->{process};
	system "docker rm -f -v $name >/dev/null 2>&1";
	return;
}

sub client {
	my ($self, $statement) = @_;
	return ('mariadb', "--defaults-file=$self->{conf}", '--batch',
		'--skip-column-names', '-e', $statement);
}

# Empty tables, made if need be, and no old binary logs.
sub reset {
	my ($self) = @_;
	if (!$self->{made}++) {
		my $schema = run('logload', "$BUILD/logload",
			'--print-schema');
		$self->sql("USE logs; $schema");
		$self->sql('CREATE TABLE reference.logs LIKE logs.logs');
	}
	$self->sql("TRUNCATE logs.logs; TRUNCATE logs.log_files;"
		. 'TRUNCATE reference.logs');
	$self->purge;
	return;
}

# Binary logs would fill the disk.
sub purge {
	my ($self) = @_;
	$self->sql('FLUSH BINARY LOGS;'
		. 'PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY');
	return;
}

# --- loading

sub logload {
	my ($self, @arguments) = @_;
	return ("$BUILD/logload", '--defaults-file', '/dev/null', '--db',
		"mysql://root\@127.0.0.1:$self->{port}/logs",
		'--ssl-mode', 'disabled', '--log-level', 'warn', @arguments);
}

# The reference: files named logs.SOMETHING go into the table logs. It reads
# them as bytes, which MySQL does not take for JSON: so they are declared to
# be UTF-8, at the end of what it puts between brackets.
sub importer {
	my ($self, @arguments) = @_;
	my @declare = $self->{kind} eq 'mysql'
	    ? '--columns=received_at,file_id,line,occurred_at,event,level,'
	    . 'user_id,@p) SET payload=CONVERT(@p USING utf8mb4' : ();
	return ('mariadb-import', "--defaults-file=$self->{conf}", '--local',
		'--silent', @declare, @arguments);
}

sub ways {
	my ($self, $dir) = @_;
	my @ways = (
		['logload', 'logs.logs', $self->logload('--jobs', 1,
			"$dir/all.ndjson")],
		['import', 'reference.logs',
			$self->importer('reference', "$dir/logs.tsv")],
		['logload 2', 'logs.logs', $self->logload('--jobs', 2,
			"$dir/1.ndjson", "$dir/2.ndjson")],
		['import 2', 'reference.logs', $self->importer(
			'--use-threads=2', 'reference', "$dir/two/logs.1",
			"$dir/two/logs.2")],
		$self->odbc_way('libmaodbc.so', 'Server=127.0.0.1;'
			. "Port=$self->{port};Database=logs;UID=root",
			"$dir/all.ndjson"));
	# Where MariaDB takes arrays, that is no other way.
	push @ways, ['insert', @{$ways[0]}[1 .. $#{$ways[0]}]]
	    if $self->{kind} eq 'mysql';
	return @ways;
}

# By INSERT: as where LOAD DATA LOCAL is off.
sub prefer {
	my ($self, $key) = @_;
	$self->sql('SET GLOBAL local_infile=' . ($key eq 'insert' ? 0 : 1));
	return;
}

# Of all but file_id, which is the ledger's own.
sub checksum {
	my ($self, $table) = @_;
	return $self->sql('SELECT COUNT(*), SUM(CRC32(CONCAT_WS("|", '
		. 'received_at, line, occurred_at, event, level, user_id, '
		. "payload))) FROM $table");
}

sub does { return 1 }

1;
