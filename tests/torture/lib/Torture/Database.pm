package Torture::Database;

# A MariaDB of our own: on a port of 127.0.0.1 and on a socket for our own
# questions, restarted over its files as often as a scenario wants. MySQL is in
# Torture::MySQL.

use strict;
use warnings;
use Torture;

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

# One more of the same kind, in a directory of its own.
sub another { return (ref shift)->new(@_) }

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

sub ready {
	my ($self, $seconds) = @_;
	return defined wait_for($seconds // 90, sub {
		# Killed by a disk that was full, or by chance: once more.
		$self->start;
		return defined $self->try('SELECT 1');
	});
}

# An orderly end.
sub end {
	my ($self) = @_;
	Torture::stop($self->{process}, 60);
	return;
}

sub crash {
	my ($self) = @_;
	kill_hard($self->{process});
	tally_kill('the database');
	return;
}

# The power goes: of the binary log, which is not synced, some end is missing.
sub lose_power {
	my ($self) = @_;
	$self->crash;
	my ($log) = reverse sort glob "$self->{dir}/data/binlog.[0-9]*";
	my $size = -s $log;
	truncate $log, $size - int rand($size < 4096 ? $size / 2 : 4096)
	    or die "$log: $!\n";
	return;
}

# It does nothing more, but its connections stand.
sub freeze {
	my ($self) = @_;
	kill 'STOP', $self->{process}{pid};
	return;
}

sub thaw {
	my ($self) = @_;
	kill 'CONT', $self->{process}{pid};
	return;
}

# Its last end.
sub remove {
	my ($self) = @_;
	kill_hard($self->{process});
	return;
}

# How its own client reaches it as root.
sub client {
	my ($self) = @_;
	return ('mariadb', '--no-defaults', "--socket=$self->{socket}",
		'--user=root');
}

# The column with the whole event, as text. MariaDB keeps it as it came.
sub payload { return 'payload' }
sub keeps_text { return 1 }

# Rows in arrays: see cmd/logload/db/mysql.c.
sub takes_arrays { return 1 }

# MiB that its files need, with some room to work.
sub disk_size { return 320 }

# What a statement printed, rows in lines; undef if it failed.
sub try {
	my ($self, $statement, $database) = @_;
	my ($out, $status, $error) = run($self->client, '--batch',
		'--raw', '--skip-column-names', '--connect-timeout=5',
		'--default-character-set=utf8mb4',
		'-e', $statement, $database // ());
	$self->{error} = $error;
	return if $status;
	chomp $out;
	return $out;
}

sub sql {
	my ($self, $statement, $database) = @_;
	return $self->try($statement, $database)
	    // die "$statement: $self->{error}\n";
}

# The sessions of the tools' user: [id, statement] each.
sub sessions {
	my ($self) = @_;
	return map { [(split /\t/)[0, 7]] } grep { /^\d+\tlogs\t/ }
	    split /\n/, $self->try('SHOW FULL PROCESSLIST') // '';
}

# A database of that name, empty.
sub make {
	my ($self, $name) = @_;
	$self->sql("DROP DATABASE IF EXISTS `$name`; CREATE DATABASE `$name`;"
		. "GRANT ALL ON `$name`.* TO logs\@'%'");
	return;
}

sub url {
	my ($self, $name, $port) = @_;
	$port //= $self->{port};
	return "mysql://logs\@127.0.0.1:$port/$name";
}

1;
