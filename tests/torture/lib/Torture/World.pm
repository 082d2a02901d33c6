package Torture::World;

# What a scenario torments: a spool, a database, the tools, and a load of
# events, and at the end the questions that decide.

use strict;
use warnings;
use Torture;
use Torture::Events;
use Torture::Faults;
use Torture::Oracle;

my @TOOLS = qw(logrecv logbatch logload);
my $worlds = 0;

# Options: env (of the tools), spool, under (words in front of the tools),
# lacks_memory (some library may crash for want of it), and all that the methods
# below look at.
sub new {
	my ($class, $db, %o) = @_;
	my $n = ++$worlds;
	my $self = bless {db => $db, database => "torture$n",
		dir => "$DIR/$n", port => free_port(), waves => 0, n => $n,
		rate => 300, batch => 2, tools => {}, %o}, $class;
	mkdir $self->{dir} or die "$self->{dir}: $!\n";
	$self->{spool} //= "$self->{dir}/spool";
	$self->{sent} = "$self->{dir}/sent";
	$self->{acked} = "$self->{dir}/acked";
	spill($self->{$_}, '') for qw(sent acked);
	$db->make($self->{database});
	# First of all files, for whoever may read it.
	chmod 0755, $DIR, $self->{dir};
	$self->{faults} = Torture::Faults->new("$self->{dir}/faults");
	return $self;
}

# What becomes of a loaded file, by the calls that do it: see --settle.
my %SETTLE = ('renameat */ready/*' => '5m', 'unlinkat */loaded/*' => '1s',
	'unlinkat */ready/*' => 0);

# From now on logload comes to such a call, if that is up to us: all connections
# take its way, loaded files take theirs.
sub take_way {
	my ($self, $call, $pattern) = @_;
	my $anew = $self->{db}->choose_way($self->{faults}, $call, $pattern);
	$self->{settle} = $SETTLE{"$call $pattern"};
	$self->kill_tool('logload', 'to start it anew')
	    if $anew || defined $self->{settle};
	return;
}

# --- the tools

# Small files and chunks: many of each step in little time.
sub env {
	my ($self) = @_;
	return {
		LD_PRELOAD => $Torture::Faults::LIBRARY,
		TORTURE_FAULTS => $self->{faults}{path},
		TORTURE_SPOOL => $self->{spool},
		SPOOL => $self->{spool},
		HOME => $self->{dir},
		LOGRECV_SPOOL => $self->{spool},
		LOGBATCH_SPOOL => $self->{spool},
		LOGLOAD_SPOOL => $self->{spool},
		LOGRECV_LISTEN => "127.0.0.1:$self->{port}",
		LOGRECV_ADMIN_LISTEN => '127.0.0.1:0',
		LOGRECV_WORKERS => 2,
		LOGRECV_MIN_FREE => 0,
		# Deeper than what the database takes: it is to say so.
		LOGRECV_MAX_DEPTH => 128,
		LOGBATCH_MAX_AGE => '300ms',
		LOGBATCH_MAX_SIZE => '20KB',
		$self->{db}->env($self->{database}, $self->{db_port}),
		LOGLOAD_CHUNK => '64KiB',
		LOGLOAD_SETTLE => $self->{settle} // pick(qw(5m 5m 1s 0)),
		LOGLOAD_READ_TIMEOUT => '4s',
		LOGLOAD_WRITE_TIMEOUT => '4s',
		LOGLOAD_CONNECT_TIMEOUT => '4s',
		PIPELINE_BIN => $BIN,
		PIPELINE_RESTART_MIN => 1,
		PIPELINE_RESTART_MAX => 1,
		TMPDIR => $self->{dir},
		%{$self->{env} // {}},
	};
}

# Starts a tool and keeps it running: what dies is started again at once. Its
# env, if code, is asked at each start.
sub keep {
	my ($self, $tool, %o) = @_;
	my $t = $self->{tools}{$tool} = {wanted => 1, starts => 0, %o};
	$self->start_tool($tool, $t);
	return $t;
}

sub start_tool {
	my ($self, $tool, $t) = @_;
	$t->{starts}++;
	$t->{log_at} = -s "$self->{dir}/$tool.log" // 0;
	$t->{process} = Torture::spawn($tool, {
			env => {%{$self->env}, %{ref $t->{env} eq 'CODE'
				? $t->{env}->() : $t->{env} // {}}},
			err => "$self->{dir}/$tool.log",
			out => "$self->{dir}/$tool.log",
			under => $t->{under} // $self->{under},
			on_end => sub { $self->ended($tool, $t, @_) }},
		"$BIN/$tool");
	return;
}

# Some ends are nobody's doing but the tool's.
sub ended {
	my ($self, $tool, $t, $p) = @_;
	my $status = $p->{status};
	my $signal = $status & 127;
	if ($status >> 8 == 64) {
		my $text = "$tool refuses its options, which are right: "
		    . 'pipeline.sh would give up' . $self->{faults}->text;
		die "$text: see $self->{dir}/$tool.log\n"
		    if $self->{faults}->text eq '';
		violation($text);
	}
	if ($signal && $signal != 9 && $signal != 15 || $status >> 8 == 70) {
		my $where = $self->crashed_in($tool, $t->{log_at});
		tally("crashes of $tool in $where");
		violation("$tool ended with " . status_text($status)
			. " in $where" . $self->{faults}->text)
		    if $where !~ /^lib/ || !$self->{lacks_memory};
	}
	# One that ends at once, again and again, shall not eat the machine.
	later($p->{ended} - $p->{start} < 0.1 ? 0.05 : 0, sub {
		$self->start_tool($tool, $t) if $t->{wanted};
	});
	return;
}

# The first frame that is nobody's but its author's: the tool, or a library
# but libc, which crashes where it is used wrongly, or is without memory. Only
# what was said since the process began counts.
sub crashed_in {
	my ($self, $tool, $log_at) = @_;
	my $said = substr slurp("$self->{dir}/$tool.log"), $log_at;
	my ($trace) = $said =~ /torture: crashed at\n(.*)/s;
	for (split /\n/, $trace // '') {
		my ($file, $at) = m{([^/]+)\((.*?)\)} or next;
		next if $file =~ /^(?:faults|libc)\.so/;
		return $file eq $tool ? "$file($at)" : $file;
	}
	return 'parts unknown';
}

sub keep_all {
	my ($self) = @_;
	$self->keep($_) for @TOOLS;
	return;
}

sub pid {
	my ($self, $tool) = @_;
	my $t = $self->{tools}{$tool};
	return $t && !defined $t->{process}{ended} ? $t->{process}{pid} : undef;
}

# how: as kills are counted, see Torture.pm
sub kill_tool {
	my ($self, $tool, $how) = @_;
	my $pid = $self->pid($tool) // return;
	tally_kill($tool, $how) if kill 'KILL', $pid;
	return;
}

# Ends it in order: within its time, and with status 0.
sub end_tool {
	my ($self, $tool) = @_;
	my $t = delete $self->{tools}{$tool} // return;
	$t->{wanted} = 0;
	violation("$tool does not stop") if !stop($t->{process}, 40);
	my $status = $t->{process}{status};
	violation("$tool, told to stop, ended with " . status_text($status))
	    if $status && $status != 9 && $status != 15;
	return;
}

# --- pipeline.sh

sub start_pipeline {
	my ($self, %o) = @_;
	my $p = Torture::spawn('pipeline.sh', {
			env => {%{$self->env}, %{$o{env} // {}}},
			under => $self->{under},
			err => "$self->{dir}/pipeline.log",
			out => "$self->{dir}/pipeline.log"},
		"$BIN/pipeline.sh");
	push @{$self->{pipelines}}, $p;
	return $p;
}

# The processes of pipeline.sh and its tools: [name, pid] each.
sub pipeline_processes {
	my ($self) = @_;
	my @found;
	for my $tool (@TOOLS) {
		push @found, map { [$tool, $_] }
		    pids_of($tool, uc($tool) . "_SPOOL=$self->{spool}");
	}
	return @found;
}

sub pipeline_crashes {
	my ($self) = @_;
	my $log = slurp("$self->{dir}/pipeline.log");
	violation("pipeline.sh says: $1") while
	    $log =~ /(tool=\w+ status=(?:13[2-6]|139|70)\b)/g;
	return;
}

# --- the load

# Sends events without end, in waves of half a minute; each has its own ids.
sub load {
	my ($self, %o) = @_;
	$self->{$_} = $o{$_} for keys %o;
	$self->{loading} = 1;
	$self->wave;
	return;
}

sub wave {
	my ($self) = @_;
	my $n = ++$self->{waves};
	my $stem = sprintf 'w%d-%d', $self->{n}, $n;
	my $file = "$self->{dir}/$stem";
	my $count = int($self->{rate} * $self->{batch} * 30);
	my $make = $self->{make_event} // \&make_event;
	my $text = join '', map { $make->("$stem-$_") . "\n" } 1 .. $count;
	spill($file, $text);
	spew($self->{sent}, $text);
	$self->{sender} = Torture::spawn('logsend', {
			env => {LD_PRELOAD => ''}, out => "$file.report",
			err => "$self->{dir}/logsend.log",
			on_end => sub { $self->wave_ended($stem, @_) }},
		"$BIN/logsend", '--url',
		'http://127.0.0.1:' . ($self->{load_port} // $self->{port})
		. '/log', '--rate', $self->{rate}, '--batch', $self->{batch},
		'--connections', $self->{connections} // 16, '--timeout', '10s',
		'--drain', '10s', '--acked', "$file.acked", '--report', 'json',
		'--quiet', $file);
	return;
}

sub wave_ended {
	my ($self, $stem) = @_;
	my $file = "$self->{dir}/$stem";
	# Where logsend was killed its last line may be torn.
	spew($self->{acked}, slurp("$file.acked") =~ s/[^\n]+\z//r);
	my $report = slurp("$file.report");
	tally('events sent', $1) if $report =~ /"events_sent":(\d+)/;
	$self->{refused}{$1} += $2 while $report =~ /"(\d{3})":(\d+)/g;
	unlink $file;
	delete $self->{sender};
	later(0.02, sub { $self->wave if $self->{loading} });
	return;
}

sub load_stop {
	my ($self) = @_;
	$self->{loading} = 0;
	my $p = $self->{sender} // return;
	stop($p, 40) or violation('logsend does not stop');
	return;
}

# Posts one event of ours, now and then in bad company; the status.
sub post {
	my ($self, $id, $event) = @_;
	my @ids = ($id);
	if (!defined $event) {
		$event = make_event($id);
		if (chance(0.3)) {
			push @ids, "$id-bad";
			$event = bad_event($ids[1]) . "\n$event";
		}
	}
	spew($self->{sent}, "$event\n");
	tally('events sent', scalar @ids);
	my ($code, $head) = http_post($self->{post_port} // $self->{port},
		$event);
	$self->{last_head} = $head;
	spew($self->{acked}, join '', map { "$_\n" } @ids) if $code =~ /^2/;
	return $code;
}

# --- the questions

# Does a fresh event arrive, as rows do, within its time?
my $fresh = 0;
sub fresh {
	my ($self, $seconds) = @_;
	my $start = now();
	my $id;
	my $sent = wait_for($seconds, sub {
		$id = "fresh-" . ++$fresh;
		return $self->post($id, qq({"id":"$id","event":"fresh"})) eq 200;
	});
	if (!defined $sent) {
		violation("no event is taken $seconds s after the last fault");
		return;
	}
	my $came = wait_for($seconds - $sent, sub {
		my $n = $self->{db}->try("SELECT COUNT(*) FROM logs WHERE "
			. "event='fresh' AND " . $self->{db}->payload
			. " LIKE '%\"$id\"%'", $self->{database});
		return defined $n && $n > 0;
	});
	violation("a fresh event does not arrive within $seconds s")
	    if !defined $came;
	my $took = now() - $start;
	tally('fresh events that arrived in time') if defined $came;
	$Torture::COUNT{'slowest fresh event, ms'} = int($took * 1000)
	    if $took * 1000 > ($Torture::COUNT{'slowest fresh event, ms'} // 0);
	return $took;
}

sub waiting {
	my ($self) = @_;
	my @files = map { glob "$self->{spool}/$_/*.ndjson" } qw(buffer ready);
	my @waiting = grep { !$self->{stays}{old_name($_)} } @files;
	return @waiting;
}

# Faults are over: everything has to come right by itself, within its time.
# Ends the world and judges it.
sub finish {
	my ($self, %o) = @_;
	$self->{faults}->clear;
	my $deadline = $o{deadline} // 60;
	$self->{db}->ready or violation('the database does not come back');
	my $took = $self->fresh($deadline);
	$self->load_stop;
	my $drained = wait_for($deadline, sub { !$self->waiting });
	violation(scalar(() = $self->waiting) . " files not drained within $deadline "
		. 's, such as ' . ($self->waiting)[0]) if !defined $drained;
	$self->end_all;
	my $there = $self->verdict;
	say(sprintf '%d events there, fresh one after %.1f s, drained after '
		. '%.1f s%s', $there, $took // -1, $drained // -1,
		$self->{db}->ways_taken($self->{faults}));
	$self->{db}->drop($self->{database})
	    if !grep { $_->[0] eq $Torture::scenario } @Torture::violations;
	return;
}

sub verdict {
	my ($self) = @_;
	return Torture::Oracle::judge(dir => $self->{dir},
		sent => $self->{sent}, acked => $self->{acked},
		db => $self->{db}, database => $self->{database},
		spool => $self->{spool}, alien => $self->{alien},
		forgot => $self->{forgot});
}

sub end_all {
	my ($self) = @_;
	$self->end_tool($_) for grep { $self->{tools}{$_} } @TOOLS;
	for my $p (@{$self->{pipelines} // []}) {
		next if defined $p->{ended};
		violation('pipeline.sh does not stop') if !stop($p, 90);
		violation('pipeline.sh, told to stop, ended with '
			. status_text($p->{status})) if $p->{status};
	}
	$self->pipeline_crashes;
	wait_for(20, sub { !$self->pipeline_processes })
	    // violation('tools outlive pipeline.sh');
	return;
}

1;
