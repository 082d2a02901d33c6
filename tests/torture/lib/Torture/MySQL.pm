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
	$self->sql("CREATE USER logs\@'%' IDENTIFIED BY 'secret'");
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

# MySQL keeps the values and not the text; the id has to do.
sub payload {
	return q{CONCAT('{"id":"', COALESCE(payload->>'$.id', 'none'), '"}')};
}
sub keeps_text { return 0 }
sub takes_arrays { return 0 }
sub disk_size { return 480 } # of its files, and room to work, MiB

1;
