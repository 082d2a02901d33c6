package Torture::MySQL;

# A MySQL of our own, in Docker: as Torture::MariaDB, which it is but for how
# it starts and ends.

use strict;
use warnings;
use parent -norequire, 'Torture::MariaDB';
use Torture;
use Torture::MariaDB;

my $IMAGE = 'mysql:9.7';

my $servers = 0;

sub at_first { return (shift)->new(undef) }

# Its files lie in a volume without a name, which goes with it, or in $dir/data.
sub new {
	my ($class, $dir, @options) = @_;
	my $self = bless {port => free_port(), dir => $dir,
		name => "logs-torture-$$-" . ++$servers,
		process => {name => 'mysqld'}}, $class;
	is_there();
	at_exit(sub { $self->remove });
	my ($out, $status, $error) = $self->docker(qw(run -d --network host
		--name), $self->{name}, '-v', (defined $dir ? "$dir/data:" : '')
		. '/var/lib/mysql', '-e', 'MYSQL_ROOT_PASSWORD=secret', $IMAGE,
		'mysqld', '--bind-address=127.0.0.1', "--port=$self->{port}",
		'--mysqlx=OFF', '--local-infile=1', '--max-connections=50',
		'--innodb-lock-wait-timeout=5', '--net-read-timeout=5',
		'--net-write-timeout=5', @options);
	die "docker run $IMAGE: $error\n" if $status;
	$self->ready(180) or die "MySQL does not start\n";
	# Each server has its users from its birth: they are not replicated.
	$self->sql("SET sql_log_bin=0; CREATE USER logs\@'%' IDENTIFIED BY "
		. "'secret'; GRANT REPLICATION SLAVE ON *.* TO logs\@'%'");
	return $self;
}

# Or ends, and says what is missing.
sub is_there {
	my (undef, $status, $error) = run('docker', 'info');
	die "MySQL is run in Docker, and no engine answers: $error\n"
	    if $status;
	(undef, $status) = run(qw(docker image inspect), $IMAGE);
	die "the image $IMAGE is missing: docker pull $IMAGE\n" if $status;
	return;
}

sub remove {
	my ($self) = @_;
	$self->docker(qw(rm -f -v), $self->{name});
	return;
}

# Not a child of ours, so waiting for it is no matter of tend.
sub docker {
	my ($self, @words) = @_;
	return run('docker', @words);
}

sub running {
	my ($self) = @_;
	return $self->docker(qw(inspect -f {{.State.Running}}), $self->{name})
	    =~ /true/;
}

sub start {
	my ($self) = @_;
	$self->docker('start', $self->{name}) if !$self->running;
	return;
}

sub end {
	my ($self) = @_;
	$self->docker(qw(stop -t 60), $self->{name});
	return;
}

sub crash {
	my ($self) = @_;
	$self->docker(qw(kill -s KILL), $self->{name});
	wait_for(20, sub { !$self->running });
	tally_kill('the database');
	return;
}

sub freeze { return $_[0]->docker('pause', $_[0]{name}) }
sub thaw { return $_[0]->docker('unpause', $_[0]{name}) }

sub client {
	my ($self) = @_;
	return ('mariadb', '--no-defaults', '--host=127.0.0.1',
		"--port=$self->{port}", '--protocol=tcp', '--skip-ssl',
		'--user=root', '--password=secret');
}

# Killed, it forgets nothing that it has given to the system; so what its disk
# had at some moment takes the place of what it has later.
sub forgetful {
	my ($self, $dir) = @_;
	return $self->another($dir, '--innodb-redo-log-capacity=16M');
}

sub be_careless {
	my ($self) = @_;
	$self->freeze;
	run('cp', '-a', "$self->{dir}/data", "$self->{dir}/synced");
	$self->thaw;
	return;
}

sub lose_power {
	my ($self) = @_;
	$self->crash;
	run('rm', '-rf', "$self->{dir}/data");
	rename "$self->{dir}/synced", "$self->{dir}/data"
	    or die "$self->{dir}/data: $!\n";
	return;
}

my $ids = 0;
sub primary {
	my ($self, $dir) = @_;
	my $server = Torture::MySQL->new($dir, '--server-id=' . ++$ids,
		'--gtid-mode=ON', '--enforce-gtid-consistency=ON');
	# So has the image made root's.
	$server->sql('RESET BINARY LOGS AND GTIDS');
	return $server;
}

# All that we have, from our birth on, a second later.
sub replica {
	my ($self, $dir) = @_;
	my $replica = $self->primary($dir);
	$replica->sql("CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', "
		. "SOURCE_PORT=$self->{port}, SOURCE_USER='logs', "
		. "SOURCE_PASSWORD='secret', SOURCE_AUTO_POSITION=1, "
		. 'GET_SOURCE_PUBLIC_KEY=1, SOURCE_DELAY=1; START REPLICA');
	return $replica;
}

sub promote { return $_[0]->sql('STOP REPLICA; RESET REPLICA ALL') }

# MySQL keeps the values and not the text; the id has to do.
sub payload {
	return q{CONCAT('{"id":"', COALESCE(payload->>'$.id', 'none'), '"}')};
}
sub keeps_text { return 0 }
sub takes_arrays { return 0 }
sub disk_size { return 480 } # of its files, and room to work, MiB

1;
