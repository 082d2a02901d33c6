package Torture::Kills;

# SIGKILL at random instants: of the tools, of pipeline.sh and its parts, of
# the database.

use strict;
use warnings;
use Exporter 'import';
use Torture;
use Torture::World;

our @EXPORT = qw(kills pipeline_kills part_kills);

# The tools alone, each started again at once, so that they die often.
sub kills {
	my ($db, $seconds) = @_;
	my $w = Torture::World->new($db);
	my $until = now() + $seconds;
	my $next_db = now() + between(3, 8);
	my $n = 0;
	$w->keep_all;
	$w->load;
	while (now() < $until) {
		pause(between(0.02, 0.35));
		$w->post('beside-' . ++$n);
		$w->kill_tool(pick(qw(logrecv logbatch logload logload)));
		next if now() < $next_db;
		$db->crash;
		$db->start;
		$next_db = now() + between(6, 15);
	}
	$w->finish;
	return;
}

# The tools and pipeline.sh, as its users run it: a tool that dies is started
# again by pipeline.sh, and that by us.
sub pipeline_kills {
	my ($db, $seconds) = @_;
	torment_pipeline($db, $seconds, sub {
		my ($w, $pipeline) = @_;
		if (chance(0.15)) {
			kill 'KILL', $pipeline->{pid};
			tally_kill('pipeline.sh');
			return;
		}
		my @tools = $w->pipeline_processes or return;
		my ($tool, $pid) = @{pick(@tools)};
		tally_kill($tool) if kill 'KILL', $pid;
	});
	return;
}

# Whatever it has started: tools, and what it sleeps by.
sub part_kills {
	my ($db, $seconds) = @_;
	torment_pipeline($db, $seconds, sub {
		my ($w, $pipeline) = @_;
		my @parts = grep { slurp("/proc/$_/stat") =~
		    /^\d+ \(.*\) \S $pipeline->{pid} / }
		    map { m{(\d+)} } glob '/proc/[0-9]*' or return;
		tally_kill('parts of pipeline.sh')
		    if kill 'KILL', pick(@parts);
		pause(1);
	});
	return;
}

sub torment_pipeline {
	my ($db, $seconds, $torment) = @_;
	my $w = Torture::World->new($db);
	my $until = now() + $seconds;
	my $pipeline = $w->start_pipeline;
	$w->load;
	while (now() < $until) {
		pause(between(0.2, 0.8));
		$torment->($w, $pipeline);
		tend();
		$pipeline = $w->start_pipeline if defined $pipeline->{ended};
	}
	pause(0.5);
	$w->start_pipeline if defined $pipeline->{ended};
	$w->finish;
	return;
}

1;
