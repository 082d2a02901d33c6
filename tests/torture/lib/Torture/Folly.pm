package Torture::Folly;

# What people do: run two pipelines on one spool, put things into ready/ that
# do not belong there, set the clock back.

use strict;
use warnings;
use Exporter 'import';
use POSIX qw(mkfifo);
use Torture;
use Torture::Events;
use Torture::Oracle;
use Torture::World;

our @EXPORT = qw(two_pipelines aliens clock put_alien set_clock);

# Two on one spool, with the tools of both being killed.
sub two_pipelines {
	my ($db, $seconds) = @_;
	my $w = Torture::World->new($db);
	my $until = now() + $seconds;
	my $second = free_port();
	$w->start_pipeline;
	$w->start_pipeline(env => {LOGRECV_LISTEN => "127.0.0.1:$second"});
	$w->load;
	my $n = 0;
	while (now() < $until) {
		$w->{post_port} = $second;
		$w->post('second-' . ++$n) for 1 .. 5;
		delete $w->{post_port};
		my @tools = $w->pipeline_processes or next;
		my ($tool, $pid) = @{pick(@tools)};
		tally_kill($tool) if chance(0.3) && kill 'KILL', $pid;
		pause(between(0.05, 0.3));
	}
	# The one of them ends, with all that it has to do at its end, while
	# the other goes on.
	violation('pipeline.sh does not stop')
	    if !stop($w->{pipelines}[1], 90);
	tally('second pipelines on one spool');
	$w->finish;
	return;
}

# --- aliens

my $aliens = 0;

# A file that appears under its name at once, as by mv(1). Only then are its
# events known to be there: a full disk has no room for it. It belongs to whom
# the tools run as, who can know that nobody writes it.
sub place {
	my ($w, $name, $bytes, $mode) = @_;
	my $draft = "$w->{spool}/ready/.draft";
	spill($draft, $bytes);
	chmod $mode // 0644, $draft;
	chown((stat $w->{spool})[4, 5], $draft);
	rename $draft, "$w->{spool}/ready/$name"
	    or die "$w->{spool}/ready/$name: $!\n";
	spew($w->{acked}, join '', map { "$_\n" } @{delete $w->{known} // []});
	return;
}

# Some events that count as acknowledged once they lie in ready/.
sub known_events {
	my ($w, $n) = @_;
	my @events;
	for (1 .. $n) {
		my $id = 'alien-' . ++$aliens;
		push @events, make_event($id);
		spew($w->{sent}, "$events[-1]\n");
		push @{$w->{known}}, $id;
		tally('events sent');
	}
	return @events;
}

# Without a NUL: a run of them is one record.
sub binary {
	my ($length) = @_;
	return join '', map { chr 1 + int rand 255 } 1 .. $length;
}

# So many of its lines have to be rejected, if none is an event. A last one
# without its end is torn only in a file that a spool has named.
sub bad_lines {
	my ($bytes) = @_;
	return scalar grep { !/^[ \t\r]*$/ } split /\n/, $bytes, -1;
}

# name => code: what is put, and how many of its lines have to be rejected.
my %ALIENS = (
	empty => sub { ('', 0) },
	'blank lines' => sub { ("\n\n \t\r\n", 0) },
	huge => sub {
		my ($w) = @_;
		my ($a, $b) = known_events($w, 2);
		# Over --max-event, and far over a chunk.
		return ("$a\n{\"id\":\"huge\",\"text\":\"" . 'x' x 3_000_000
			. "\"}\n$b\n", 1);
	},
	# What has no event at its front is none of ours, and stays.
	binary => sub {
		my ($w) = @_;
		my $bytes = binary(50_000);
		return ((known_events($w, 1))[0] . "\n$bytes",
			bad_lines($bytes));
	},
	mixed => sub {
		my ($w) = @_;
		my @bad = ('[1,2]', '42', 'null', '"text"', '{"a":1', '{"a":NaN}',
			"{\"a\":\"\0\"}", "{\"a\":\"\xff\xfe\"}", 'not JSON',
			"\xef\xbb\xbf{\"a\":}", '{"a":1}{"b":2}', "{'a':1}",
			'[' x 5000 . ']' x 5000);
		# The first one tells that each has its line.
		my ($first, @good) = known_events($w, 20);
		return (join('', map { "$_\n" } $first,
			shuffled(@bad, @good)), scalar @bad);
	},
	torn => sub {
		my ($w) = @_;
		return (join("\n", known_events($w, 3))
			. "\n{\"id\":\"torn\",\"te", 1);
	},
	'of a logrecv that died' => sub {
		my ($w) = @_;
		return (join("\n", known_events($w, 3))
			. "\n{\"id\":\"torn\",\"te", 0);
	},
	'of one name and size' => sub {
		my ($w) = @_;
		# The last one must have been taken.
		wait_for(30, sub { !-e "$w->{spool}/ready/the same.ndjson" })
		    // violation('the same.ndjson stays in ready/');
		return (sprintf("%-2000s\n", known_events($w, 1)), 0);
	},
	'no line break at its end' => sub {
		my ($w) = @_;
		return (join("\n", known_events($w, 3)), 0);
	},
	'of Windows' => sub {
		my ($w) = @_;
		return (join('', map { "$_\r\n" } known_events($w, 5)), 0);
	},
	'of many lines' => sub {
		my ($w) = @_;
		return (join('', map { "$_\n" } known_events($w, 3000)), 0);
	},
);

# Puts one of them into ready/.
sub put_alien {
	my ($w, $what) = @_;
	$what //= pick(sort keys %ALIENS);
	delete $w->{known};
	my ($bytes, $bad) = $ALIENS{$what}->($w);
	my $name = "$what of somebody's-" . ++$aliens . '.ndjson';
	$name = 'the same.ndjson' if $what eq 'of one name and size';
	$name = "20261122T073351.123456Z-torn-1-$aliens-0badcafe.ndjson"
	    if $what eq 'of a logrecv that died';
	place($w, $name, $bytes);
	$w->{alien}{$name} = $bad if $bad;
	tally('alien files');
	return;
}

# What is no file of events stays where it is, and disturbs nothing.
sub put_strays {
	my ($w) = @_;
	my $ready = "$w->{spool}/ready";
	mkdir "$ready/directory.ndjson";
	mkfifo("$ready/pipe.ndjson", 0666);
	symlink '/etc/passwd', "$ready/link.ndjson";
	symlink 'nowhere', "$ready/dangling.ndjson";
	place($w, 'no-suffix', "{\"id\":\"stray\"}\n");
	place($w, '.hidden.ndjson', "{\"id\":\"stray\"}\n");
	place($w, 'x' x 230 . '.ndjson', "{\"id\":\"stray\"}\n");
	# Neither gzip nor text: it can never be read, and stays.
	place($w, 'broken.ndjson', "\x1f\x8b\x08\0\0\0\0\0\0\x03" . binary(50));
	spill("$w->{spool}/buffer/not-of-logrecv.ndjson",
		"{\"id\":\"stray\"}\n");
	spill("$w->{spool}/buffer/nothing", 'nothing');
	spill("$w->{spool}/rejected/notes.txt", 'notes');
	$w->{stays}{$_} = 1 for qw(directory.ndjson pipe.ndjson link.ndjson
		dangling.ndjson broken.ndjson not-of-logrecv.ndjson),
		'x' x 230 . '.ndjson';
	tally('alien files', 11);
	return;
}

# The tools are run as a user who may not read everything, where we are root.
sub aliens {
	my ($db, $seconds) = @_;
	my $root = $> == 0;
	my @nobody = $root ? (under => [qw(setpriv --pdeathsig KILL
		--reuid 65534 --regid 65534 --clear-groups --)]) : ();
	my $w = Torture::World->new($db, @nobody,
		env => {LOGLOAD_MAX_EVENT => '1MB'});
	mkdir $w->{spool};
	chown 65534, 65534, $w->{spool} if $root;
	my $until = now() + $seconds;
	$w->keep_all;
	wait_for(20, sub { -d "$w->{spool}/ready" && -d "$w->{spool}/metrics" });
	$w->load;
	put_strays($w);
	# It may not be read at first.
	my ($event) = known_events($w, 1);
	place($w, 'unreadable.ndjson', "$event\n", 0);
	put_alien($w, $_) for sort keys %ALIENS;
	while (now() < $until) {
		put_alien($w);
		$w->kill_tool('logload') if chance(0.3);
		pause(between(0.2, 0.6));
	}
	my ($unreadable) = glob "$w->{spool}/ready/*unreadable.ndjson";
	violation('unreadable.ndjson has gone unread')
	    if $root && !defined $unreadable;
	chmod 0644, $unreadable // ();
	$w->finish;
	my %there = map { old_name($_) => 1 }
	    glob "$w->{spool}/{ready,buffer}/*";
	for my $name (sort keys %{$w->{stays}}) {
		violation("$name has gone") if !$there{$name};
	}
	return;
}

# --- the clock

sub set_clock {
	my ($w, $slot, $back) = @_;
	for my $tool (qw(logrecv logbatch logload)) {
		if ($back) {
			$w->{faults}->set($slot, tool => $tool,
				call => 'clock_gettime', do => 'shift',
				arg => $back, from => 1, to => 0xffffffff);
		} else {
			$w->{faults}->unset($slot);
		}
		$slot++;
	}
	return;
}

# An hour back, and forward again, and back, with the tools being killed.
sub clock {
	my ($db, $seconds) = @_;
	my $w = Torture::World->new($db);
	my $until = now() + $seconds;
	$w->keep_all;
	$w->load;
	my $back = 0;
	while (now() < $until) {
		$back = $back ? 0 : pick(3600, 3600, 2, 90_000);
		set_clock($w, 0, $back);
		tally('clocks set back') if $back;
		my $end = now() + between(1, 4);
		while (now() < $end) {
			pause(between(0.1, 0.5));
			$w->kill_tool(pick(qw(logrecv logbatch logload)));
		}
		# Events go on arriving meanwhile.
		$w->fresh(60);
	}
	$w->finish;
	return;
}

1;
