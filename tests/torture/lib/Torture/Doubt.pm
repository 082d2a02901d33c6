package Torture::Doubt;

# Would the oracle notice? A run without faults, and then rows are lost,
# doubled, changed and made up behind its back; and a run in which the tools
# are lied to: their writes and commits succeed without being done.

use strict;
use warnings;
use Exporter 'import';
use Torture;
use Torture::Oracle;
use Torture::Outage;
use Torture::World;

our @EXPORT = qw(doubt);

my $SOME = '(file_id, line) IN (SELECT file_id, line FROM (SELECT * FROM logs '
    . "WHERE event = 'user_login' LIMIT 3) AS a_few)";

# what it must find, statements that do it and undo it
sub sabotages {
	my ($db) = @_;
	my ($from, $to) = map { $db->as_payload('REPLACE(' . $db->payload
		. ", $_)") } q('"event":"user', '"event":"USER'),
	    q('"event":"USER', '"event":"user');
	return (
		[lost => "CREATE TABLE t AS SELECT * FROM logs WHERE $SOME;"
			. 'DELETE FROM logs WHERE (file_id, line) IN '
			. '(SELECT file_id, line FROM t)',
			'INSERT INTO logs SELECT * FROM t; DROP TABLE t'],
		[doubled => 'INSERT INTO logs SELECT received_at, file_id, '
			. 'line + 2000000, occurred_at, event, level, user_id, '
			. "payload FROM logs WHERE $SOME",
			'DELETE FROM logs WHERE line > 2000000'],
		['alien,changed' => 'INSERT INTO logs (received_at, file_id, '
			. 'line, payload) VALUES (CURRENT_TIMESTAMP, 1, '
			. "1000000, '{\"id\":\"nobody\"}')",
			'DELETE FROM logs WHERE line = 1000000'],
		[changed => "UPDATE logs SET payload = $from, "
			. "event = 'changed' WHERE $SOME",
			"UPDATE logs SET payload = $to, event = 'user_login' "
			. "WHERE event = 'changed'"]);
}

sub look {
	my ($w) = @_;
	local $Torture::Oracle::found = {};
	$w->verdict;
	return {map { $_ => $Torture::Oracle::found->{$_} }
	    grep { $Torture::Oracle::found->{$_} }
	    keys %$Torture::Oracle::found};
}

sub expect {
	my ($what, $found) = @_;
	my $text = join ', ', map { "$found->{$_} $_" } sort keys %$found;
	return tally('sabotages that the oracle noticed')
	    if join(',', sort keys %$found) eq $what;
	violation("the oracle should have seen: $what; it has seen: $text");
	return;
}

sub doubt {
	my ($db) = @_;
	my $w = Torture::World->new($db);
	$w->keep_all;
	$w->load;
	pause(3);
	wait_for(60, sub { loaded_events($w) > 300 })
	    // violation('nothing is loaded');
	$w->load_stop;
	wait_for(20, sub { !$w->waiting }) // violation('not drained');
	for my $s (sabotages($db)) {
		my ($what, $do, $undo) = @$s;
		if (!$db->keeps_text) {
			next if $what eq 'changed';
			$what =~ s/,changed//;
		}
		$db->sql($do, $w->{database});
		expect($what, look($w));
		$db->sql($undo, $w->{database});
		my $left = look($w);
		violation("$what is not undone") if %$left;
	}
	my ($record) = glob "$w->{spool}/rejected/*.ndjson";
	if (defined $record) {
		rename $record, "$record.away";
		expect('lost', look($w));
		rename "$record.away", $record;
	}
	$w->finish;
	lie_to($db, 'a write of logrecv', tool => 'logrecv', call => 'write',
		path => '*/buffer/*');
	lie_to($db, 'a COMMIT of logload', tool => 'logload', $db->lie);
	return;
}

sub lie_to {
	my ($db, $what, %rule) = @_;
	# Else the COMMIT is found to be missing, and made good.
	my $w = Torture::World->new($db, env => {LOGLOAD_SETTLE => 0});
	$w->keep_all;
	$w->load;
	pause(1);
	# The next transaction would make it good, had it time to begin.
	$w->{faults}->set(1, tool => 'logload', call => 'unlinkat',
		path => '*/ready/*', do => 'kill_after', to => 3)
	    if $rule{tool} eq 'logload';
	$w->{faults}->set(0, %rule, do => 'lie', from => 1, to => 3);
	wait_for(20, sub { $w->{faults}->fired(0) == 3 && (
		$rule{tool} ne 'logload' || $w->{faults}->fired(1) == 3) })
	    // violation("$what could not be lied about");
	$w->{faults}->clear;
	$w->load_stop;
	wait_for(20, sub { !$w->waiting });
	$w->end_all;
	expect('lost', look($w));
	$db->drop($w->{database});
	return;
}

1;
