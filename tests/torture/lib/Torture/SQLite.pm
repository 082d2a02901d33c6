package Torture::SQLite;

# A file of SQLite for each world. There is no server: the library that writes
# the file runs within logload, and what a server may do is done to that, or by
# another program that writes the same file.

use strict;
use warnings;
use parent -norequire, 'Torture::Database';
use Torture;
use Torture::Database;

sub new {
	my ($class, $dir) = @_;
	my $self = bless {dir => $dir, names => {}}, $class;
	mkdir $dir or die "$dir: $!\n" unless -d $dir;
	# For whoever loads.
	chmod 0755, $DIR;
	chmod 0777, $dir;
	return $self;
}

sub lacks {
	my ($self, $scenario) = @_;
	return {net => 'there is no network', failover => 'there is no replica'}
	    ->{$scenario};
}

sub file { return "$_[0]{dir}/$_[1].db" }

# --- another program

# It keeps the file for itself until it is killed.
sub hold {
	my ($self, $name, $statement) = @_;
	my $path = $self->file($name);
	return Torture::spawn('sqlite3', {}, 'sh', '-c',
		'{ echo "$2"; exec sleep 100; } | exec sqlite3 -bail -batch '
		. '-cmd ".timeout 30000" "$1"', 'sh', $path, $statement);
}

# With what it waits for.
sub let_go {
	my ($self) = @_;
	for my $p (splice @{$self->{holders} // []}) {
		kill 'KILL', -$p->{pid};
		kill_hard($p);
	}
	return;
}

# The loaders: whatever has its file open.
sub loaders { return pids_of('logload', "TORTURE_DIR=$DIR") }

# It is away for the others as long as one writes.
sub end {
	my ($self) = @_;
	push @{$self->{holders}}, map { $self->hold($_, 'BEGIN IMMEDIATE;') }
	    keys %{$self->{names}};
	return;
}

sub start { return $_[0]->let_go }
sub remove { return $_[0]->let_go }

sub ready {
	my ($self) = @_;
	$self->let_go;
	return 1;
}

sub crash {
	my ($self) = @_;
	tally_kill('the database', 'with whoever writes it')
	    if kill 'KILL', $self->loaders;
	return;
}

sub freeze { return kill 'STOP', $_[0]->loaders }
sub thaw { return kill 'CONT', $_[0]->loaders }

sub disk_size { return 160 }

sub try {
	my ($self, $statement, $name) = @_;
	return $self->ask('sqlite3', '-batch', '-bail', '-noheader',
		'-separator', "\t", '-cmd', '.timeout 30000',
		defined $name ? $self->file($name) : ':memory:', $statement);
}

# A table of texts takes every event: so deep ones are refused by a trigger, for
# there have to be some.
sub make {
	my ($self, $name) = @_;
	$self->drop($name);
	$self->{names}{$name} = 1;
	$self->make_tables($name);
	$self->sql('CREATE TRIGGER deep BEFORE INSERT ON logs '
		. "WHEN NEW.event = 'deep' BEGIN "
		. "SELECT RAISE(ABORT, 'too deep'); END", $name);
	chmod 0666, $self->file($name);
	return;
}

sub drop {
	my ($self, $name) = @_;
	delete $self->{names}{$name};
	unlink map { $self->file($name) . $_ } '', qw(-wal -shm -journal);
	return;
}

sub url { return 'sqlite:' . $_[0]->file($_[1]) }

# It has to be whole, whatever was done to it.
sub tables {
	my ($self, $name) = @_;
	my $check = $self->sql('PRAGMA integrity_check', $name);
	violation("the file of the database: $check") if $check ne 'ok';
	return split ' ', $self->sql("SELECT name FROM sqlite_schema WHERE "
		. "type='table' AND name LIKE 'logs%'", $name);
}

sub refuse {
	my ($self, $name) = @_;
	$self->try('CREATE TRIGGER refuse BEFORE INSERT ON logs '
		. "WHEN NEW.event = 'page_view' BEGIN "
		. "SELECT RAISE(ABORT, 'refused'); END", $name);
	return;
}

sub accept {
	my ($self, $name) = @_;
	$self->try('DROP TRIGGER IF EXISTS refuse', $name);
	return;
}

# --- that forget: its disk lies about what it has synced

sub forgetful {
	my ($self, $dir) = @_;
	return $self->another($dir);
}

# Of its log some end is missing, but for what is in the file itself already.
sub lose_power {
	my ($self) = @_;
	$self->crash;
	# Without a look at who has ended, for they are started again then.
	select undef, undef, undef, 0.05 for 1, map { $self->loaders } 1 .. 20;
	for my $name (sort keys %{$self->{names}}) {
		my $log = $self->file($name) . '-wal';
		my $least = least($log);
		my $size = -s $log // 0;
		truncate $log, $least + int rand($size - $least)
		    or die "$log: $!\n" if $size > $least;
	}
	return;
}

# The log begins with 32 bytes, the size of a page among them; each of its
# frames has 24 bytes and a page. The index has, at 128, how many of them may be
# in the file: see nBackfillAttempted in sqlite3.c.
sub least {
	my ($log) = @_;
	my $index = slurp($log =~ s/wal$/shm/r);
	return 0 if length $index < 132;
	my $page = unpack 'x8 N', slurp($log) || return 0;
	return 32 + unpack('x128 L', $index) * (24 + $page);
}

# --- calls, of the library and of the system

sub lie { return (call => 'sqlite3_step', path => 'COMMIT*') }

# In order, it writes all into the file and takes the log away. It may have to
# begin first.
sub end_loader {
	my ($w) = @_;
	later(0.5, sub { kill 'TERM', $w->pid('logload') // () });
	return;
}

sub points {
	return (
		[sqlite3_step => 'BEGIN IMMEDIATE*', 'before after'],
		[sqlite3_step => 'INSERT INTO "log_files"*', 'before after'],
		[sqlite3_step => 'SELECT id,*', 'before after'],
		[sqlite3_step => 'SAVEPOINT store*', 'before after'],
		[sqlite3_step => 'INSERT OR ABORT*', 'before after'],
		[sqlite3_step => 'RELEASE store*', 'before after'],
		[sqlite3_step => 'UPDATE *', 'before after'],
		[sqlite3_step => 'COMMIT*', 'before after'],
		[pwrite => '*.db-wal', 'before amid after'],
		[fdatasync => '*.db-wal', 'before after'],
		[pwrite => '*.db', 'before amid after', \&end_loader],
		[fdatasync => '*.db', 'before after', \&end_loader],
		[unlink => '*.db-wal', 'before after', \&end_loader]);
}

sub retry_points {
	return (
		[sqlite3_step => 'SELECT id,*'],
		[sqlite3_step => 'INSERT INTO "log_files"*'],
		[sqlite3_step => 'INSERT OR ABORT*'],
		[sqlite3_step => 'UPDATE *'],
		[sqlite3_step => 'COMMIT*'],
		[pwrite => '*.db-wal'],
		[fdatasync => '*.db-wal']);
}

sub faults {
	return (
		[open => '*.db*', qw(EMFILE ENFILE EACCES EIO)],
		[pwrite => '*.db-wal', qw(short ENOSPC EIO EINTR)],
		[pwrite => '*.db', qw(ENOSPC EIO)],
		[pread => '*.db-wal', qw(short EIO EINTR)],
		[pread => '*.db', qw(short EIO)],
		[fdatasync => '*.db-wal', qw(EIO ENOSPC late:EIO slow)],
		[fstat => '*.db*', qw(EIO)],
		[ftruncate => '*.db-shm', qw(EIO)],
		[fcntl => '*.db*', qw(EINTR ENOLCK EACCES)],
		[sqlite3_step => 'INSERT OR ABORT*', qw(slow)],
		[sqlite3_step => 'COMMIT*', qw(slow)]);
}

sub starts {
	return ([pread => '*.db', 6, 'EIO'],
		[pwrite => '*.db*', 6, 'ENOSPC'],
		[fcntl => '*.db*', 10, 'ENOLCK'],
		[fstat => '*.db*', 4, 'EIO']);
}

# --- what may befall it

sub hazards {
	return (
		['kills of whoever has the file open', sub { $_[0]->crash },
			0.2, sub { }],
		['freezes of whoever has the file open', sub { $_[0]->freeze },
			3, sub { $_[0]->thaw }],
		['times another one writes', sub {
				my ($self, $name) = @_;
				push @{$self->{holders}},
				    $self->hold($name, 'BEGIN IMMEDIATE;');
			}, 5, sub { $_[0]->let_go }],
		['times another one reads', sub {
				my ($self, $name) = @_;
				push @{$self->{holders}}, $self->hold($name,
					'BEGIN; SELECT COUNT(*) FROM logs;');
			}, 3, sub { $_[0]->let_go }],
		# Killed while it writes.
		['crashes of another writer', sub {
				my ($self, $name) = @_;
				push @{$self->{holders}}, $self->hold($name,
					'CREATE TABLE IF NOT EXISTS other (a); '
					. 'DELETE FROM other; INSERT INTO other '
					. 'WITH RECURSIVE n(i) AS (SELECT 1 '
					. 'UNION ALL SELECT i + 1 FROM n LIMIT '
					. '30000) SELECT hex(randomblob(100)) '
					. 'FROM n;');
			}, 0.2, sub { $_[0]->let_go }],
		['logs emptied', sub {
				my ($self, $name) = @_;
				$self->try('PRAGMA wal_checkpoint(TRUNCATE)',
					$name);
			}, 0.2, sub { }],
		['times written anew', sub { $_[0]->try('VACUUM', $_[1]) }, 0.2,
			sub { }]);
}

sub mistakes {
	return (['table put aside and back', sub {
			my ($self, $name) = @_;
			$self->try('ALTER TABLE logs RENAME TO logs_aside',
				$name);
		}, 4, sub {
			my ($self, $name) = @_;
			# Unless another one was made meanwhile. Both count.
			$self->try('ALTER TABLE logs_aside RENAME TO logs',
				$name);
		}]);
}

1;
