package Torture::MariaDB;

# A MariaDB of our own: on a port of 127.0.0.1 and on a socket for our own
# questions, restarted over its files as often as a scenario wants. Rows get
# into it in arrays, or by LOAD DATA as into MySQL, which is in Torture::MySQL.

use strict;
use warnings;
use parent -norequire, 'Torture::Database';
use Torture;
use Torture::Database;

# Takes the server's directory, and options for the server.
sub new {
	my ($class, $dir, @options) = @_;
	my $self = bless {dir => $dir, socket => "$dir/socket",
		port => free_port(), options => \@options}, $class;
	for my $made ($dir, "$dir/tmp") {
		mkdir $made or die "$made: $!\n" unless -d $made;
	}
	my @user = $> == 0 ? '--user=root' : ();
	my ($out, $status, $error) = run('mariadb-install-db', '--no-defaults',
		@user, '--skip-test-db', "--datadir=$dir/data",
		"--tmpdir=$dir/tmp",
		'--auth-root-authentication-method=normal');
	die "mariadb-install-db: $error\n" if $status;
	$self->start;
	$self->ready or die "MariaDB does not start: see $dir/log\n";
	# Each server has its users from its birth: they are not replicated.
	$self->sql("SET sql_log_bin=0; CREATE USER logs\@'%' IDENTIFIED BY "
		. "'secret'; GRANT REPLICATION SLAVE ON *.* TO logs\@'%'");
	return $self;
}

# Begins to start it. It is not ours to say that it is up: see ready.
sub start {
	my ($self, @options) = @_;
	return if $self->{process} && !defined $self->{process}{ended};
	my $dir = $self->{dir};
	my @user = $> == 0 ? '--user=root' : ();
	$self->{process} = Torture::spawn('mariadbd', {err => "$dir/log",
			out => "$dir/log"},
		'mariadbd', '--no-defaults', @user, "--datadir=$dir/data",
		"--socket=$self->{socket}", "--pid-file=$dir/pid",
		# One that starts removes the others' temporary files.
		"--tmpdir=$dir/tmp",
		'--bind-address=127.0.0.1', "--port=$self->{port}",
		'--skip-name-resolve', '--local-infile=1',
		'--innodb-log-file-size=16M', '--innodb-buffer-pool-size=64M',
		'--extra-port=0', '--max-connections=50',
		# What a cut-off client leaves behind holds its locks no longer.
		'--net-read-timeout=5', '--net-write-timeout=5',
		'--innodb-lock-wait-timeout=5', @{$self->{options}}, @options);
	return;
}

# How its own client reaches it as root.
sub client {
	my ($self) = @_;
	return ('mariadb', '--no-defaults', "--socket=$self->{socket}",
		'--user=root');
}

# Rows in arrays: see cmd/logload/db/mysql.c.
sub takes_arrays { return 1 }

# MiB that its files need, with some room to work.
sub disk_size { return 320 }

# What a statement printed, rows in lines; undef if it failed.
sub try {
	my ($self, $statement, $database) = @_;
	return $self->ask($self->client, '--batch', '--raw',
		'--skip-column-names', '--connect-timeout=5',
		'--default-character-set=utf8mb4', '-e', $statement,
		$database // ());
}

# The sessions of the tools' user: [id, statement] each.
sub sessions {
	my ($self) = @_;
	return map { [(split /\t/)[0, 7]] } grep { /^\d+\tlogs\t/ }
	    split /\n/, $self->try('SHOW FULL PROCESSLIST') // '';
}

sub end_sessions {
	my ($self, $how) = @_;
	$self->try("KILL $how $_->[0]") for $self->sessions;
	return;
}

# A database of that name, empty.
sub make {
	my ($self, $name) = @_;
	$self->sql("DROP DATABASE IF EXISTS `$name`; CREATE DATABASE `$name`;"
		. "GRANT ALL ON `$name`.* TO logs\@'%'");
	return;
}

sub drop { return $_[0]->try("DROP DATABASE `$_[1]`") }

sub url {
	my ($self, $name, $port) = @_;
	$port //= $self->{port};
	return "mysql://logs\@127.0.0.1:$port/$name";
}

sub tables {
	my ($self, $name) = @_;
	return split ' ', $self->sql('SELECT table_name FROM '
		. "information_schema.tables WHERE table_schema='$name' "
		. "AND table_name LIKE 'logs%'");
}

# What becomes of some events is not JSON, which is refused.
sub refuse {
	my ($self, $name) = @_;
	$self->try('CREATE TRIGGER refuse BEFORE INSERT ON logs FOR EACH ROW '
		. "SET NEW.payload = IF(NEW.event = 'page_view', 'refused', "
		. 'NEW.payload)', $name);
	return;
}

sub accept {
	my ($self, $name) = @_;
	$self->try('DROP TRIGGER IF EXISTS refuse', $name);
	return;
}

# --- that forget

sub forgetful {
	my ($self, $dir) = @_;
	return $self->another($dir, '--log-bin=binlog', '--server-id=1',
		'--sync-binlog=0');
}

# The log of the engine, or the binary log alone, is not synced at COMMIT.
sub be_careless {
	my ($self) = @_;
	$self->try('SET GLOBAL innodb_flush_log_at_trx_commit=' . pick(0, 1));
	return;
}

# Of the binary log, which is not synced, some end is missing.
sub lose_power {
	my ($self) = @_;
	$self->crash;
	my ($log) = reverse sort glob "$self->{dir}/data/binlog.[0-9]*";
	my $size = -s $log;
	truncate $log, $size - int rand($size < 4096 ? $size / 2 : 4096)
	    or die "$log: $!\n";
	return;
}

my $ids = 0;
sub primary {
	my ($self, $dir) = @_;
	return Torture::MariaDB->new($dir, '--log-bin=binlog',
		'--server-id=' . ++$ids, '--log-slave-updates');
}

# All that we have, from our birth on, a second later.
sub replica {
	my ($self, $dir) = @_;
	my $replica = $self->primary($dir);
	$replica->sql("CHANGE MASTER TO MASTER_HOST='127.0.0.1', "
		. "MASTER_PORT=$self->{port}, MASTER_USER='logs', "
		. "MASTER_PASSWORD='secret', MASTER_USE_GTID=slave_pos, "
		. 'MASTER_DELAY=1; START SLAVE');
	return $replica;
}

sub promote { return $_[0]->sql('STOP SLAVE; RESET SLAVE ALL') }

# --- the two ways of rows

# The one on which alone a call with this pattern is made, if there is one.
sub way_of {
	my ($call, $pattern) = @_;
	return 'arrays' if $call =~ /^mysql_stmt/ || $pattern eq 'ARRAY';
	return 'LOAD DATA' if $pattern =~ /^(?:LOAD DATA|SAVEPOINT|ROLLBACK TO|0\[)/;
	return '';
}

# Those of some calls that can come: see cmd/logload/db/mysql.c.
sub possible {
	my ($self, @calls) = @_;
	return grep { $self->takes_arrays
		|| way_of(@$_[0, 1]) ne 'arrays' } @calls;
}

sub choose_way {
	my ($self, $faults, $call, $pattern) = @_;
	return 0 if !$self->takes_arrays;
	my $way = way_of($call, $pattern);
	$faults->deny_arrays($way eq '' ? 500 : $way eq 'arrays' ? 0 : 1000);
	return $way ne '';
}

sub ways_taken {
	my ($self, $faults) = @_;
	return '' if !$self->takes_arrays;
	my ($arrays, $other) = $faults->arrays;
	tally('connections that load by arrays', $arrays);
	tally('connections that load by LOAD DATA', $other);
	return ", connections: $arrays by arrays, $other by LOAD DATA";
}

# --- calls

sub lie { return (call => 'mysql_real_query', path => 'COMMIT*') }

sub points {
	my ($self) = @_;
	return $self->possible(
		[connect => 'socket:*', 'before after'],
		[mysql_real_query => 'START *', 'before after'],
		[mysql_real_query => 'INSERT INTO `log_files`*',
			'before after'],
		[mysql_real_query => 'SELECT id,*', 'before after'],
		[mysql_real_query => 'SAVEPOINT *', 'before after'],
		[mysql_real_query => 'LOAD DATA *', 'before after'],
		[mysql_stmt_prepare => 'INSERT INTO*', 'before after'],
		[mysql_stmt_execute => '*', 'before after'],
		[mysql_real_query => 'ROLLBACK TO *', 'before after'],
		[mysql_real_query => 'UPDATE *', 'before after'],
		[mysql_real_query => 'COMMIT*', 'before after'],
		# Sent, and the answer not waited for; and half of it sent.
		[send => 'LOAD DATA*', 'amid after'],
		[send => 'ARRAY', 'before amid after'],
		[send => 'COMMIT*', 'amid after'],
		# The first rows of a LOAD DATA, which begin with a time.
		[send => '0[0-9][0-9]-[01]*', 'before amid after']);
}

sub retry_points {
	return (
		[mysql_real_query => 'SELECT id,*'],
		[mysql_real_query => 'INSERT INTO `log_files`*'],
		[mysql_real_query => 'SAVEPOINT *'],
		[mysql_real_query => 'LOAD DATA *'],
		[mysql_stmt_prepare => 'INSERT INTO*'],
		[mysql_stmt_execute => '*'],
		[mysql_real_query => 'UPDATE *'],
		[mysql_real_query => 'COMMIT*']);
}

sub faults {
	my ($self) = @_;
	return $self->possible(
		[send => '*', qw(short EINTR ECONNRESET EPIPE reset slow)],
		[send => 'LOAD DATA*', qw(reset late:ECONNRESET)],
		[send => 'ARRAY', qw(short reset late:ECONNRESET)],
		[send => 'INSERT INTO*', qw(reset late:ECONNRESET)],
		[send => 'COMMIT*', qw(reset late:ECONNRESET)],
		[recv => 'socket:*', qw(short EINTR ECONNRESET ETIMEDOUT reset
			slow late:ECONNRESET)],
		[mysql_real_query => 'COMMIT*', qw(slow)],
		[mysql_stmt_prepare => 'INSERT INTO*', qw(slow)],
		[mysql_stmt_execute => '*', qw(slow)]);
}

sub starts {
	return ([connect => '*', 2, 'ECONNREFUSED'],
		[send => '*', 25, 'ECONNRESET'],
		[recv => '*', 50, 'ECONNRESET']);
}

# COM_STMT_BULK_EXECUTE and COM_STMT_EXECUTE, after the number of their packet.
# \x16 is the command to prepare a statement.
sub wire {
	return ('START', 'INSERT INTO `log_files`', 'SELECT id', 'SAVEPOINT',
		'LOAD DATA', "\x16INSERT INTO", "\0\xfa", "\0\x17",
		'ROLLBACK TO', 'UPDATE');
}

# --- what may befall it

sub hazards {
	return (
		['restarts of the database', sub { $_[0]->end }, 0.5,
			sub { $_[0]->start }],
		['crashes of the database', sub { $_[0]->crash }, 0.2,
			sub { $_[0]->start }],
		['freezes of the database', sub { $_[0]->freeze }, 5,
			sub { $_[0]->thaw }],
		['times read-only',
			sub { $_[0]->try('SET GLOBAL read_only=1') }, 3,
			sub { $_[0]->try('SET GLOBAL read_only=0') }],
		['times out of connections', \&take_connections, 3,
			\&give_connections],
		['times locked', sub { $_[0]{lock} = lock_tables(@_) }, 3,
			sub { kill_hard($_[0]{lock}) }],
		['sessions killed', sub { $_[0]->end_sessions('CONNECTION') },
			0.2, sub { }],
		['statements killed', sub { $_[0]->end_sessions('QUERY') },
			0.2, sub { }],
		['times without LOAD DATA',
			sub { $_[0]->try('SET GLOBAL local_infile=0') }, 2,
			sub { $_[0]->try('SET GLOBAL local_infile=1') }]);
}

sub mistakes {
	return (
		['table put aside and back', sub {
				my ($self, $name) = @_;
				$self->try('RENAME TABLE logs TO logs_aside',
					$name);
			}, 4, sub {
				my ($self, $name) = @_;
				# Unless another one was made meanwhile. Both
				# count.
				$self->try('RENAME TABLE logs_aside TO logs',
					$name);
			}],
		['password changed and back', sub {
				my ($self) = @_;
				$self->try("ALTER USER logs\@'%' IDENTIFIED BY "
					. "'other'");
				$self->end_sessions('CONNECTION');
			}, 4, sub {
				$_[0]->try("ALTER USER logs\@'%' IDENTIFIED BY "
					. "'secret'");
			}],
		['rights taken and given', sub {
				my ($self, $name) = @_;
				$self->try("REVOKE ALL ON `$name`.* FROM "
					. "logs\@'%'");
				$self->end_sessions('CONNECTION');
			}, 4, sub {
				my ($self, $name) = @_;
				$self->try("GRANT ALL ON `$name`.* TO "
					. "logs\@'%'");
			}]);
}

# A session that holds both tables for some seconds.
sub lock_tables {
	my ($self, $name) = @_;
	return Torture::spawn('mariadb', {}, $self->client, '-e',
		'LOCK TABLES logs WRITE, log_files WRITE; SELECT SLEEP(20)',
		$name);
}

# Holds all connections but the one more that root has, and ends the tools'.
sub take_connections {
	my ($self) = @_;
	$self->try('SET GLOBAL max_connections=10');
	$self->{held} = [map {
		Torture::spawn('mariadb', {env => {MYSQL_PWD => 'secret'}},
			'mariadb', '--no-defaults', "--port=$self->{port}",
			'--protocol=tcp', '--host=127.0.0.1', '--skip-ssl',
			'--user=logs',
			'-e', 'SELECT SLEEP(20)') } 1 .. 12];
	pause(0.3);
	$self->try("KILL $_->[0]")
	    for grep { $_->[1] !~ /SLEEP/ } $self->sessions;
	return;
}

sub give_connections {
	my ($self) = @_;
	kill_hard($_) for @{delete $self->{held}};
	wait_for(20, sub {
		return defined $self->try('SET GLOBAL max_connections=50');
	});
	return;
}

1;
