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

# COM_STMT_BULK_EXECUTE and COM_STMT_EXECUTE, after the number of their packet.
# \x16 below is the command to prepare a statement.
my ($ARRAY, $ROWS) = ("\0\xfa", "\0\x17");

my @STATEMENTS = ('START', 'INSERT INTO `log_files`', 'SELECT id', 'SAVEPOINT',
	'LOAD DATA', "\x16INSERT INTO", $ARRAY, $ROWS,
	'ROLLBACK TO', 'UPDATE');

my @WAYS = (
	['amid a statement', sub { 'amid ' . pick(@STATEMENTS) }],
	['amid the rows', sub { 'after ' . int between(1_000, 150_000) }],
	['amid COMMIT', sub { 'amid COMMIT' }],
	['between COMMIT and its answer', sub { 'answer COMMIT' }],
	['between COMMIT and its answer', sub { 'answer COMMIT' }],
	['before an answer', sub { 'answer ' . pick(@STATEMENTS) }],
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
		$proxy->order($order->());
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
