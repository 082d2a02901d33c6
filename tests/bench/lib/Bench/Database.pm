package Bench::Database;

# A database server of our own on a port of 127.0.0.1, with the durability it
# has by default and its binary log on: MySQL 9.7 in Docker, or MariaDB.
# Connections are plain for all clients alike: TLS is not what is compared.

use strict;
use warnings;
use IO::Socket::INET;
use Bench;

my $MYSQL_IMAGE = 'mysql:9.7';

# The kinds that this machine has.
sub available {
	my @kinds;
	push @kinds, 'mysql'
	    if system("docker image inspect $MYSQL_IMAGE >/dev/null 2>&1") == 0;
	push @kinds, 'mariadb'
	    if system('command -v mariadbd >/dev/null 2>&1') == 0;
	return @kinds;
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

sub start {
	my ($class, $kind) = @_;
	my $self = bless {kind => $kind, port => free_port(),
		reference => 'mariadb-import', goal => '1.0'}, $class;
	say("starting $kind");
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
	$kind eq 'mysql' ? $self->start_mysql : $self->start_mariadb;
	wait_until("$kind answers", 120, sub {
		$self->alive or die "$kind ended: ", $self->complaint, "\n";
		return defined $self->try('SELECT 1');
	});
	$self->sql('CREATE DATABASE IF NOT EXISTS logs;'
		. 'CREATE DATABASE IF NOT EXISTS reference');
	$self->{version} = $self->sql('SELECT VERSION()');
	$ENV{LOGLOAD_DB_PASSWORD} = 'secret';
	return $self;
}

sub start_mysql {
	my ($self) = @_;
	my $name = "logs-bench-$$-$self->{port}";
	$self->{container} = $name;
	$self->{process} = {};
	stop_at_exit(sub { $self->end });
	# Its files lie in a volume without a name, which goes with it.
	run('docker', qw(docker run -d --rm --network host --name), $name,
		qw(-v /var/lib/mysql -e MYSQL_ROOT_PASSWORD=secret),
		$MYSQL_IMAGE, 'mysqld', '--bind-address=127.0.0.1',
		"--port=$self->{port}", '--local-infile=1');
	my ($pid) = run('docker', qw(docker inspect -f {{.State.Pid}}), $name)
	    =~ /(\d+)/;
	# A handle as spawn makes it, to look at its memory.
	$self->{process} = {pid => $pid, name => 'mysqld'};
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

sub alive {
	my ($self) = @_;
	return -d "/proc/$self->{process}{pid}";
}

sub complaint {
	my ($self) = @_;
	my $log = $self->{process}{err} // return $self->{error};
	return substr slurp($log), -1000;
}

# Safe to call twice. Nobody needs its data: no orderly shutdown.
sub end {
	my ($self) = @_;
	my $p = delete $self->{process} // return;
	if (defined $self->{container}) {
		system "docker rm -f -v $self->{container} >/dev/null 2>&1";
	} else {
		stop($p, 'KILL');
		system 'rm', '-rf', $self->{data};
	}
	return;
}

# --- statements

# What a statement printed, without names; undef if it failed.
sub try {
	my ($self, $statement) = @_;
	my $out = scratch('sql');
	my $p = Bench::finish(spawn('mariadb', {out => $out},
		'mariadb', "--defaults-file=$self->{conf}", '--batch',
		'--skip-column-names', '-e', $statement));
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

# The ways to load what lies in that folder; see inputs in Bench::Loading.
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
			"$dir/two/logs.2")]);
	# Where MariaDB takes arrays, that is no other way.
	push @ways, ['insert', @{$ways[0]}[1 .. $#{$ways[0]}]]
	    if $self->{kind} eq 'mysql';
	return @ways;
}

# Before one of them. By INSERT: as where LOAD DATA LOCAL is off.
sub prefer {
	my ($self, $key) = @_;
	$self->sql('SET GLOBAL local_infile=' . ($key eq 'insert' ? 0 : 1));
	return;
}

# What both tables must agree on; file_id is the ledger's own.
sub checksum {
	my ($self, $table) = @_;
	return $self->sql('SELECT COUNT(*), SUM(CRC32(CONCAT_WS("|", '
		. 'received_at, line, occurred_at, event, level, user_id, '
		. "payload))) FROM $table");
}

# Which parts of a run it is for.
sub does { return 1 }

1;
