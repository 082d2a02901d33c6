package Torture::Mix;

# All of it at once, by chance.

use strict;
use warnings;
use Exporter 'import';
use Torture;
use Torture::Calls;
use Torture::Disk;
use Torture::Folly;
use Torture::Net;
use Torture::Points;
use Torture::Proxy;
use Torture::Server;
use Torture::World;

our @EXPORT = qw(mix);

# Some rules for a while, each of which holds for every hundredth call or so.
sub some_faults {
	my ($w) = @_;
	for my $slot (4 .. 8) {
		$w->{faults}->unset($slot);
		next if chance(0.4);
		my %r = random_fault($w);
		$w->{mixed}[$slot] = "faults: $r{tool} $r{call}, in the mix";
		$w->{faults}->set($slot, %r, from => 1, to => 0xffffffff,
			chance => int between(2, 60));
	}
	return;
}

sub count_faults {
	my ($w) = @_;
	for my $slot (4 .. 8) {
		my $name = $w->{mixed}[$slot] // next;
		my $fired = $w->{faults}->fired($slot);
		tally($name, $fired) if $fired;
		$w->{mixed}[$slot] = undef;
	}
	return;
}

sub mix {
	my ($db, $seconds) = @_;
	my $disk = Torture::Disk->new("$DIR/mix", 48);
	my $proxy = $db->{port} ? Torture::Proxy->new($db->{port}) : undef;
	my $w = Torture::World->new($db, $proxy ? (db_port => $proxy->{port})
		: (), env => {LOGLOAD_MAX_EVENT => '1MB'}, # what is huge is over it
		$disk ? (spool => "$DIR/mix/spool") : ());
	my $until = now() + $seconds;
	my $n = 0;
	my %hazard = (
		post => [6, sub { $w->post('beside-' . ++$n) }],
		kill => [6, sub { $w->kill_tool(pick(qw(logrecv logbatch
			logload))) }],
		point => [6, sub { die_somewhere($w) }],
		fault => [3, sub { count_faults($w); some_faults($w) }],
		net => [3, sub { spoil_net($w, $proxy) }],
		server => [0.5, sub { spoil_server($w, $db) }],
		alien => [0.5, sub { put_alien($w) }],
		clock => [0.5, sub { set_clock($w, 12,
			chance(0.5) ? 3600 : 0) }],
		disk => [0.7, sub { fill_for_a_while($disk) }],
	);
	delete $hazard{disk} if !$disk;
	delete $hazard{net} if !$proxy;
	my @lots = map { ($_) x (2 * $hazard{$_}[0]) } sort keys %hazard;
	$w->keep_all;
	wait_for(20, sub { -d "$w->{spool}/ready" });
	$w->load;
	while (now() < $until) {
		# A full disk is no place for an alien file of ours.
		eval { $hazard{pick(@lots)}[1]->(); 1 }
		    or $@ =~ /No space left/ or die $@;
		pause(between(0, 0.2));
	}
	count_faults($w);
	$disk->free if $disk;
	$proxy->order('pass') if $proxy;
	$w->finish;
	kill_hard($proxy->{process}) if $proxy;
	$disk->end if $disk && !grep { $_->[0] eq $Torture::scenario }
	    @Torture::violations;
	return;
}

sub fill_for_a_while {
	my ($disk) = @_;
	$disk->fill;
	tally('full disks of the spool');
	later(between(0.5, 2), sub { $disk->free });
	return;
}

1;
