package Torture::PostgreSQL;

# A PostgreSQL of our own: on a port of 127.0.0.1 and on a socket in its
# directory for our own questions. It does not run as root: nobody does then.

use strict;
use warnings;
use parent -norequire, 'Torture::Database';
use Torture;
use Torture::Database;
use Torture::Proxy;

# Debian has the server's programs there, of the newest version last.
my ($PROGRAMS) = reverse glob '/usr/lib/postgresql/*/bin';

my $NOBODY = 65534;
my @AS = $> == 0 ? (qw(setpriv --pdeathsig KILL --clear-groups), "--reuid=$NOBODY",
	"--regid=$NOBODY", '--') : ();

# Takes the server's directory, and options for the server.
sub new {
	my ($class, $dir, @options) = @_;
	my $self = $class->place($dir, @options);
	$self->program('initdb', '--username=root', '--auth-local=trust',
		'--auth-host=scram-sha-256', '--no-sync', '--encoding=UTF8',
		'--locale=C.UTF-8', "--pgdata=$dir/data");
	$self->ready or die "PostgreSQL does not start: see $dir/log\n";
	$self->sql("CREATE ROLE logs LOGIN REPLICATION PASSWORD 'secret'");
	return $self;
}

# Where it is to be.
sub place {
	my ($class, $dir, @options) = @_;
	my $self = bless {dir => $dir, port => free_port(),
		options => \@options}, $class;
	die "there is no PostgreSQL server here\n" if !defined $PROGRAMS;
	mkdir $dir or die "$dir: $!\n" unless -d $dir;
	chmod 0755, $DIR;
	chown $NOBODY, $NOBODY, $dir if @AS;
	at_exit(sub { $self->forget_memory });
	return $self;
}

sub program {
	my ($self, $program, @options) = @_;
	# Where nobody may be, too.
	defined $self->ask(@AS, 'env', "--chdir=$self->{dir}",
		"$PROGRAMS/$program", @options)
	    or die "$program: $self->{error}\n";
	return;
}

sub start {
	my ($self) = @_;
	return if $self->{process} && !defined $self->{process}{ended};
	my $dir = $self->{dir};
	$self->{process} = Torture::spawn('postgres', {err => "$dir/log",
			out => "$dir/log", under => \@AS},
		"$PROGRAMS/postgres", '-D', "$dir/data", '-k', $dir,
		'-h', '127.0.0.1', '-p', $self->{port}, map { ('-c', $_) }
		qw(shared_buffers=32MB max_connections=50 max_wal_size=64MB
		dynamic_shared_memory_type=mmap), @{$self->{options}});
	return;
}

# It, and all that it has begun.
sub pids {
	my ($self) = @_;
	my $parent = $self->{process}{pid};
	return ($parent, grep { slurp("/proc/$_/stat") =~
		/^\d+ \(.*\) \S $parent /s } map { m{(\d+)} } glob '/proc/[0-9]*');
}

# Fast: it ends its sessions.
sub end {
	my ($self) = @_;
	kill 'INT', $self->{process}{pid} unless defined $self->{process}{ended};
	wait_for(60, sub { defined $self->{process}{ended} })
	    // $self->crash;
	return;
}

# None of its children is to outlive it, so that it can start again.
sub kill_processes {
	my ($self) = @_;
	return if defined $self->{process}{ended};
	kill 'STOP', $self->{process}{pid};
	my @pids = $self->pids;
	kill 'KILL', @pids;
	kill_hard($self->{process});
	# Who reaps them does not matter.
	wait_for(20, sub { !grep { slurp("/proc/$_/stat") =~ /\) [^Z]/ }
		@pids });
	return;
}

sub crash {
	my ($self) = @_;
	$self->kill_processes;
	tally_kill('the database');
	return;
}

sub freeze { return kill 'STOP', $_[0]->pids }
sub thaw { return kill 'CONT', $_[0]->pids }

sub remove {
	my ($self) = @_;
	$self->kill_processes;
	kill_hard($self->{heard}{process}) if $self->{heard};
	return;
}

# A server that was killed leaves some memory that has no name in any file system.
sub forget_memory {
	my ($self) = @_;
	my ($id) = slurp("$self->{dir}/data/postmaster.pid")
	    =~ /^\s*\d+\s+(\d+)$/m;
	system "ipcrm -m $id 2>/dev/null" if defined $id;
	return;
}

# As its owner, without a word on what is well.
sub client {
	my ($self, $database, @options) = @_;
	return ('env', 'PGCONNECT_TIMEOUT=5', 'PGTZ=UTC',
		'PGOPTIONS=-c lock_timeout=10s -c client_min_messages=warning '
		. '-c client_connection_check_interval=100',
		'psql', '--no-psqlrc', '--quiet', "--host=$self->{dir}",
		"--port=$self->{port}", '--username=root',
		'--dbname=' . ($database // 'postgres'), '--no-align',
		'--tuples-only', "--field-separator=\t",
		'--set=ON_ERROR_STOP=1', @options);
}

sub try {
	my ($self, $statement, $database) = @_;
	return $self->ask($self->client($database, '--command', $statement));
}

# Each in a transaction of its own.
sub each_alone {
	my ($self, @statements) = @_;
	return $self->ask($self->client(undef,
		map { ('--command', $_) } @statements));
}

sub payload { return 'payload::text' }
sub as_payload { return "($_[1])::json" }
sub disk_size { return 320 }

# Whatever its nesting, it is JSON here: so deep events are refused by the
# table, for there have to be some.
sub make {
	my ($self, $name) = @_;
	$self->drop($name);
	$self->sql("CREATE DATABASE $name OWNER logs");
	$self->make_tables($name);
	$self->sql("ALTER TABLE logs ADD CHECK (event <> 'deep');"
		. 'CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql '
		. "AS 'BEGIN IF NEW.event = ''page_view'' THEN "
		. "RAISE EXCEPTION ''refused''; END IF; RETURN NEW; END'",
		$name);
	return;
}

sub make_tables {
	my ($self, $name) = @_;
	$self->sql('SET ROLE logs; ' . $self->schema($name), $name);
	return;
}

sub drop { return $_[0]->try("DROP DATABASE IF EXISTS $_[1] WITH (FORCE)") }

sub url {
	my ($self, $name, $port) = @_;
	$port //= $self->{port};
	return "postgresql://logs\@127.0.0.1:$port/$name";
}

sub tables {
	my ($self, $name) = @_;
	return split ' ', $self->sql('SELECT tablename FROM pg_tables WHERE '
		. "schemaname='public' AND tablename LIKE 'logs%'", $name);
}

sub refuse {
	my ($self, $name) = @_;
	$self->try('CREATE TRIGGER refuse BEFORE INSERT ON logs FOR EACH ROW '
		. 'EXECUTE FUNCTION refuse()', $name);
	return;
}

sub accept {
	my ($self, $name) = @_;
	$self->try('DROP TRIGGER IF EXISTS refuse ON logs', $name);
	return;
}

# --- that forget

# What is not written for seconds is gone with its processes; whatever writes a
# page writes all that was committed before.
sub forgetful {
	my ($self, $dir) = @_;
	return $self->another($dir, qw(synchronous_commit=off wal_buffers=32MB
		wal_writer_delay=5s wal_writer_flush_after=1GB
		bgwriter_lru_maxpages=0 autovacuum=off));
}

sub lose_power { return $_[0]->crash }

sub primary {
	my ($self, $dir) = @_;
	return $self->another($dir);
}

# What it hears of us comes by a slow wire.
sub replica {
	my ($self, $dir) = @_;
	my $heard = Torture::Proxy->new($self->{port});
	my $replica = (ref $self)->place($dir, "primary_conninfo=host=127.0.0.1 "
		. "port=$heard->{port} user=logs password=secret");
	$replica->program('pg_basebackup', "--host=$self->{dir}",
		"--port=$self->{port}", '--username=root',
		"--pgdata=$dir/data", '--checkpoint=fast', '--no-sync');
	spill("$dir/data/standby.signal", '');
	$heard->order('delay 1000');
	$replica->{heard} = $heard;
	$replica->ready or die "the replica does not start: see $dir/log\n";
	return $replica;
}

sub part { return $_[0]{heard}->order('refuse') }
sub promote { return $_[0]->sql('SELECT pg_promote()') }

# --- calls

sub lie { return (call => 'PQsendQuery', path => 'COMMIT*') }

sub points {
	return (
		[connect => 'socket:*', 'before after'],
		[PQsendQuery => 'BEGIN *', 'before after'],
		[PQsendQuery => 'INSERT INTO "log_files"*', 'before after'],
		[PQsendQuery => 'SELECT id,*', 'before after'],
		[PQsendQuery => 'SAVEPOINT logload; COPY*', 'before after'],
		[PQsendQuery => 'SAVEPOINT sift*', 'before after'],
		[PQsendQuery => 'ROLLBACK TO *', 'before after'],
		[PQsendQuery => 'UPDATE *', 'before after'],
		[PQsendQuery => 'COMMIT*', 'before after'],
		[PQputCopyData => '*', 'before after'],
		[PQputCopyEnd => '*', 'before after'],
		# Sent, and the answer not waited for; and half of it sent.
		[send => 'SAVEPOINT logload; COPY*', 'amid after'],
		[send => 'UPDATE*', 'amid after'],
		[send => 'COMMIT*', 'amid after'],
		# The first rows of a COPY, which begin with a time.
		[send => '20[0-9][0-9]-*', 'before amid after']);
}

sub retry_points {
	return (
		[PQsendQuery => 'SELECT id,*'],
		[PQsendQuery => 'INSERT INTO "log_files"*'],
		[PQsendQuery => 'SAVEPOINT *'],
		[PQputCopyData => '*'],
		[PQputCopyEnd => '*'],
		[PQsendQuery => 'UPDATE *'],
		[PQsendQuery => 'COMMIT*']);
}

sub faults {
	return (
		[send => '*', qw(short EINTR ECONNRESET EPIPE reset slow)],
		[send => 'SAVEPOINT*', qw(reset late:ECONNRESET)],
		[send => '20[0-9][0-9]-*', qw(short reset late:ECONNRESET)],
		[send => 'COMMIT*', qw(reset late:ECONNRESET)],
		[recv => 'socket:*', qw(short EINTR ECONNRESET ETIMEDOUT reset
			slow late:ECONNRESET)],
		[PQsendQuery => 'SAVEPOINT*', qw(ENOMEM)],
		[PQsendQuery => 'COMMIT*', qw(slow ENOMEM late:ENOMEM)],
		[PQputCopyData => '*', qw(slow ENOMEM)],
		[PQputCopyEnd => '*', qw(slow late:ENOMEM)]);
}

sub starts {
	return ([connect => '*', 2, 'ECONNREFUSED'],
		[send => '*', 15, 'ECONNRESET'],
		[recv => '*', 20, 'ECONNRESET']);
}

sub wire {
	return ('BEGIN', 'INSERT INTO "log_files"', 'SELECT id', 'SAVEPOINT',
		'COPY', 'ROLLBACK TO', 'UPDATE');
}

# --- what may befall it

# Of the tools: by a function of the server.
sub end_sessions {
	my ($self, $how) = @_;
	$self->try("SELECT $how(pid) FROM pg_stat_activity "
		. "WHERE usename = 'logs'");
	return;
}

sub hazards {
	my $end = sub { $_[0]->end_sessions('pg_terminate_backend') };
	return (
		['restarts of the database', sub { $_[0]->end }, 0.5,
			sub { $_[0]->start }],
		['immediate stops of the database',
			sub { kill 'QUIT', $_[0]{process}{pid} }, 0.5,
			sub { $_[0]->start }],
		['crashes of the database', sub { $_[0]->crash }, 0.2,
			sub { $_[0]->start }],
		['crashes of a backend', \&kill_backend, 0.5, sub { }],
		['freezes of the database', sub { $_[0]->freeze }, 5,
			sub { $_[0]->thaw }],
		['times read-only', sub { $_[0]->write_nothing('on') }, 3,
			sub { $_[0]->write_nothing('off') }],
		['times out of connections', sub {
				$_[0]->try('ALTER ROLE logs CONNECTION LIMIT 0');
				$end->(@_);
			}, 3, sub {
				$_[0]->try('ALTER ROLE logs CONNECTION LIMIT -1')
			}],
		['times locked', sub { $_[0]{lock} = lock_tables(@_) }, 3,
			sub { kill_hard($_[0]{lock}) }],
		['sessions killed', $end, 0.2, sub { }],
		['statements killed',
			sub { $_[0]->end_sessions('pg_cancel_backend') }, 0.2,
			sub { }]);
}

# All the others go with it, and the log is replayed.
sub kill_backend {
	my ($self) = @_;
	my ($pid) = split /\n/, $self->try('SELECT pid FROM pg_stat_activity '
		. "WHERE usename = 'logs' ORDER BY random()") // '';
	tally_kill('the database') if defined $pid && kill 'KILL', $pid;
	return;
}

sub write_nothing {
	my ($self, $on) = @_;
	$self->each_alone("ALTER SYSTEM SET default_transaction_read_only=$on",
		'SELECT pg_reload_conf()');
	return;
}

sub lock_tables {
	my ($self, $name) = @_;
	return Torture::spawn('psql', {}, $self->client($name, '--command',
		'LOCK TABLE logs, log_files; SELECT pg_sleep(20)'));
}

sub mistakes {
	return (
		['table put aside and back', sub {
				my ($self, $name) = @_;
				$self->try('ALTER TABLE logs RENAME TO '
					. 'logs_aside', $name);
			}, 4, sub {
				my ($self, $name) = @_;
				# Unless another one was made meanwhile. Both
				# count.
				$self->try('ALTER TABLE logs_aside RENAME TO '
					. 'logs', $name);
			}],
		['password changed and back', sub {
				my ($self) = @_;
				$self->try("ALTER ROLE logs PASSWORD 'other'");
				$self->end_sessions('pg_terminate_backend');
			}, 4, sub {
				$_[0]->try("ALTER ROLE logs PASSWORD 'secret'");
			}],
		['rights taken and given', sub {
				my ($self, $name) = @_;
				$self->try('REVOKE ALL ON ALL TABLES IN SCHEMA '
					. 'public FROM logs', $name);
			}, 4, sub {
				my ($self, $name) = @_;
				$self->try('GRANT ALL ON ALL TABLES IN SCHEMA '
					. 'public TO logs', $name);
			}]);
}

1;
