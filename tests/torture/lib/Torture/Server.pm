package Torture::Server;

# What befalls a database: it is restarted, frozen, made read-only, runs out
# of connections; its tables are locked, put aside, dropped; its password
# changes, its disk is full. Which of these there are, each database says.

use strict;
use warnings;
use Exporter 'import';
use Torture;
use Torture::Disk;
use Torture::World;

our @EXPORT = qw(server schema dropped database_disk spoil_server);

# One of them: what, how, for how long about, and how it is undone.
sub spoil {
	my ($w, $db, $hazard) = @_;
	my ($what, $do, $time, $undo) = @$hazard;
	$do->($db, $w->{database});
	pause($time * between(0.5, 1.5));
	$undo->($db, $w->{database});
	tally($what);
	return;
}

sub spoil_server {
	my ($w, $db) = @_;
	spoil($w, $db, pick($db->hazards));
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
		for my $hazard (shuffled($db->hazards)) {
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
	# Those that look like a human's mistake are tried again each 30 to 60 s.
	while (now() < $until) {
		for my $hazard (shuffled($db->mistakes)) {
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
