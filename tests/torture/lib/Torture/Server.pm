package Torture::Server;

# What befalls a database: it is restarted, frozen, made read-only, runs out
# of connections; its tables are locked, put aside, dropped; its password
# changes, its disk is full.

use strict;
use warnings;
use Exporter 'import';
use Torture;
use Torture::Disk;
use Torture::World;

our @EXPORT = qw(server schema dropped database_disk spoil_server);

# Ends the sessions of the tools.
sub end_sessions {
	my ($db, $how) = @_;
	$db->try("KILL $how $_->[0]") for $db->sessions;
	return;
}

# name, what is done, for how long about, and how it is undone
my @PASSING = (
	['restarts of the database', sub { $_[0]->end }, 0.5,
		sub { $_[0]->start }],
	['crashes of the database', sub { $_[0]->crash }, 0.2,
		sub { $_[0]->start }],
	['freezes of the database', sub { $_[0]->freeze }, 5,
		sub { $_[0]->thaw }],
	['times read-only', sub { $_[0]->try('SET GLOBAL read_only=1') }, 3,
		sub { $_[0]->try('SET GLOBAL read_only=0') }],
	['times out of connections', \&take_connections, 3,
		\&give_connections],
	['times locked', sub { $_[0]{lock} = lock_tables(@_) }, 3,
		sub { kill_hard($_[0]{lock}) }],
	['sessions killed', sub { end_sessions($_[0], 'CONNECTION') }, 0.2,
		sub { }],
	['statements killed', sub { end_sessions($_[0], 'QUERY') }, 0.2,
		sub { }],
	['times without LOAD DATA',
		sub { $_[0]->try('SET GLOBAL local_infile=0') }, 2,
		sub { $_[0]->try('SET GLOBAL local_infile=1') }],
);

# Those that look like a human's mistake are tried again each 30 to 60 s.
my @MISTAKES = (
	['table put aside and back', sub {
			my ($db, $w) = @_;
			$db->try('RENAME TABLE logs TO logs_aside',
				$w->{database});
		}, 4, sub {
			my ($db, $w) = @_;
			# Unless another one was made meanwhile. Both count.
			$db->try('RENAME TABLE logs_aside TO logs',
				$w->{database});
		}],
	['password changed and back', sub {
			$_[0]->try("ALTER USER logs\@'%' IDENTIFIED BY "
				. "'other'");
			end_sessions($_[0], 'CONNECTION');
		}, 4, sub {
			$_[0]->try("ALTER USER logs\@'%' IDENTIFIED BY "
				. "'secret'");
		}],
	['rights taken and given', sub {
			my ($db, $w) = @_;
			$db->try("REVOKE ALL ON `$w->{database}`.* FROM "
				. "logs\@'%'");
			end_sessions($db, 'CONNECTION');
		}, 4, sub {
			my ($db, $w) = @_;
			$db->try("GRANT ALL ON `$w->{database}`.* TO "
				. "logs\@'%'");
		}],
);

# A session that holds both tables for some seconds.
sub lock_tables {
	my ($db, $w) = @_;
	return Torture::spawn('mariadb', {}, $db->client, '-e',
		'LOCK TABLES logs WRITE, log_files WRITE; SELECT SLEEP(20)',
		$w->{database});
}

# Holds all connections but the one more that root has, and ends the tools'.
sub take_connections {
	my ($db) = @_;
	$db->try('SET GLOBAL max_connections=10');
	$db->{held} = [map {
		Torture::spawn('mariadb', {env => {MYSQL_PWD => 'secret'}},
			'mariadb', '--no-defaults', "--port=$db->{port}",
			'--protocol=tcp', '--host=127.0.0.1', '--skip-ssl',
			'--user=logs',
			'-e', 'SELECT SLEEP(20)') } 1 .. 12];
	pause(0.3);
	$db->try("KILL $_->[0]") for grep { $_->[1] !~ /SLEEP/ } $db->sessions;
	return;
}

sub give_connections {
	my ($db) = @_;
	kill_hard($_) for @{delete $db->{held}};
	wait_for(20, sub {
		return defined $db->try('SET GLOBAL max_connections=50');
	});
	return;
}

sub spoil {
	my ($w, $db, $hazard) = @_;
	my ($what, $do, $time, $undo) = @$hazard;
	$do->($db, $w);
	pause($time * between(0.5, 1.5));
	$undo->($db, $w);
	tally($what);
	return;
}

sub spoil_server {
	my ($w, $db) = @_;
	spoil($w, $db, pick(@PASSING));
	$db->ready;
	return;
}

sub server {
	my ($db, $seconds) = @_;
	my $w = Torture::World->new($db);
	my $until = now() + $seconds;
	$w->keep_all;
	$w->load;
	while (now() < $until) {
		for my $hazard (shuffled(@PASSING)) {
			last if now() > $until;
			spoil($w, $db, $hazard);
			$db->ready;
			pause(between(0.3, 1));
		}
	}
	$w->finish;
	return;
}

sub schema {
	my ($db, $seconds) = @_;
	my $w = Torture::World->new($db);
	my $until = now() + $seconds;
	$w->keep_all;
	$w->load(rate => 100);
	while (now() < $until) {
		for my $hazard (shuffled(@MISTAKES)) {
			last if now() > $until;
			spoil($w, $db, $hazard);
			# Until it is seen that this was put right.
			my $took = $w->fresh(100) // last;
			say(sprintf '%s: right again after %.1f s',
				$hazard->[0], $took);
			# A new one would be made only where one is missing.
			$w->kill_tool('logload') if chance(0.3);
		}
	}
	$w->finish(deadline => 100);
	return;
}

# The table is dropped before anything was stored: it is made again, without
# anybody's help.
sub dropped {
	my ($db) = @_;
	my $w = Torture::World->new($db);
	$w->keep_all;
	wait_for(20, sub { defined $db->try('SELECT 1 FROM logs LIMIT 0',
		$w->{database}) }) // violation('logload makes no table');
	$db->sql('DROP TABLE logs', $w->{database});
	tally('table dropped');
	$w->load(rate => 100);
	pause(2);
	$w->finish(deadline => 100);
	return;
}

# A server of its own, whose disk is full for a while, and not once.
sub database_disk {
	my ($other, $seconds) = @_;
	my $disk = Torture::Disk->new("$DIR/database-disk",
		$other->disk_size) or do {
		say('SKIPPED: no file system can be mounted here');
		tally('SKIPPED: the disk of the database');
		return;
	};
	my $db = $other->another("$DIR/database-disk/data");
	my $w = Torture::World->new($db, make_event => sub {
		# Large ones fill it sooner.
		my ($id) = @_;
		return qq({"id":"$id","event":"large","message":")
		    . 'large ' x 300 . '"}';
	});
	my $until = now() + $seconds;
	$w->keep_all;
	$w->load(rate => 100);
	while (now() < $until) {
		$disk->fill;
		tally('full disks of the database');
		pause(between(2, 4));
		$disk->free;
		$db->ready;
		pause(between(1, 3));
	}
	# MySQL looks once a minute whether there is room again.
	$w->finish(deadline => 120);
	$db->remove;
	$disk->end;
	return;
}

1;
