package Torture::Net;

# The network between logload and the database: cut amid statements, and
# between COMMIT and its answer; slow; and silent.

use strict;
use warnings;
use Exporter 'import';
use Torture;
use Torture::Proxy;
use Torture::World;

our @EXPORT = qw(net spoil_net);

my @WAYS = (
	['amid a statement', sub { 'amid ' . pick($_[0]->wire) }],
	['amid the rows', sub { 'after ' . int between(1_000, 150_000) }],
	['amid COMMIT', sub { 'amid COMMIT' }],
	['between COMMIT and its answer', sub { 'answer COMMIT' }],
	['between COMMIT and its answer', sub { 'answer COMMIT' }],
	['before an answer', sub { 'answer ' . pick($_[0]->wire) }],
	['at any time', sub { 'cut' }],
);

sub net {
	my ($db, $seconds) = @_;
	my $proxy = Torture::Proxy->new($db->{port});
	my $w = Torture::World->new($db, db_port => $proxy->{port},
		rate => 100, batch => 4, env => {
			LOGBATCH_MAX_SIZE => '120KB', LOGRECV_WORKERS => 1});
	my $until = now() + $seconds;
	$w->keep_all;
	$w->load;
	spoil_net($w, $proxy) while now() < $until;
	$proxy->order('pass');
	$w->finish;
	kill_hard($proxy->{process});
	return;
}

# One of the things that may befall a network.
sub spoil_net {
	my ($w, $proxy) = @_;
	if (chance(0.85)) {
		my ($what, $order) = @{pick(@WAYS)};
		my $before = $proxy->cuts;
		$proxy->order($order->($w->{db}));
		my $done = wait_for(1.5, sub { $proxy->cuts > $before });
		tally("cuts of the network $what") if defined $done;
		tally('network cuts', $proxy->cuts - $before);
		$proxy->order('pass') if !defined $done;
	} else {
		my ($what, $order, $time) = @{pick(
			['delays of the network', 'delay ' . int between(20, 400),
				between(1, 2)],
			['silences of the network', 'stall', between(1, 6)],
			['refusals by the network', 'refuse', between(0.5, 2)])};
		$proxy->order($order);
		pause($time);
		$proxy->order('pass');
		tally($what);
	}
	pause(between(0, 0.3));
	return;
}

1;
