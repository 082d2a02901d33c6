package Bench::Loading;

# logload into an empty default table, against the database's own client.

use strict;
use warnings;
use Exporter 'import';
use Bench;

our @EXPORT = qw(load refused big backlog make_events);

# Writes lines of the spool to a file.
sub make_events {
	my ($path, $first, $count) = @_;
	run('events', 'sh', '-c', 'exec "$0" -s "$1" "$2" >"$3"',
		"$BUILD/tests/bench/events", $first, $count, $path);
	return $path;
}

# The rows in one file and in two, as lines and as TSV.
sub inputs {
	my ($rows) = @_;
	my $half = int($rows / 2);
	my $dir = scratch('input');
	my $events = "$BUILD/tests/bench/events";
	mkdir $dir or die "$dir: $!\n";
	mkdir "$dir/two" or die "$dir/two: $!\n";
	run('events', 'sh', '-ce', <<'SH', 'sh', $events, $dir, $half);
"$1" $(($3 * 2)) >"$2/all.ndjson"
"$1" -t $(($3 * 2)) >"$2/logs.tsv"
for i in 1 2; do
	"$1" -s $((($i - 1) * $3)) $3 >"$2/$i.ndjson"
	"$1" -t -f $i -s $((($i - 1) * $3)) $3 >"$2/two/logs.$i"
done
SH
	return ($dir, $half * 2);
}

# Times one way to load all rows, and takes the processor's time, that of the
# server too; the tables are emptied before.
sub timed {
	my ($db, $key, $rows, $table, @command) = @_;
	$db->reset;
	$db->prefer($key);
	my $cpu = $db->cpu_seconds;
	my $seconds = took($key, @command);
	$cpu = $db->cpu_seconds - $cpu;
	my $stored = $db->sql("SELECT COUNT(*) FROM $table");
	die "$key: $stored of $rows rows\n" if $stored != $rows;
	sample("$db->{kind} $key", $rows / $seconds);
	sample("$db->{kind} $key cpu", $rows / $cpu);
	return;
}

sub load {
	my ($db) = @_;
	my ($dir, $rows) = inputs($SETTING{rows});
	my @ways = $db->ways($dir);
	my %there = map { $_->[0] => 1 } @ways;
	say("$db->{kind}: loading $rows rows");
	same_rows($db, @ways[0, 1]);
	for my $round (0 .. $SETTING{rounds} - 1) {
		say("load, round ", $round + 1);
		for my $way (rotated($round, @ways)) {
			my ($key, $table, @command) = @$way;
			timed($db, $key, $rows, $table, @command);
		}
	}
	my $k = $db->{kind};
	result("$k: rows/s, logload : $db->{reference}", "$k logload",
		"$k import", $db->{goal});
	result("$k: rows/s, 2 jobs : $db->{reference}, two at once", "$k logload 2",
		"$k import 2", '1.0') if $there{'logload 2'};
	result("$k: rows/s, INSERT : LOAD DATA", "$k insert", "$k logload",
		'0.6') if $there{insert};
	result("$k: rows a s of CPU, ODBC : its own driver", "$k odbc cpu",
		"$k logload cpu", '0.5') if $there{odbc};
	$db->reset;
	system 'rm', '-rf', $dir;
	return;
}

# Is it the very same work? Also warms up.
sub same_rows {
	my ($db, @ways) = @_;
	$db->reset;
	run($_->[0], @{$_}[2 .. $#$_]) for @ways;
	my ($ours, $reference) = map { $db->checksum($_->[1]) } @ways;
	die "logload stored $ours, $db->{reference} $reference\n"
	    if $ours ne $reference;
	return;
}

# --- what the database refuses

my @IDS = ('--column', 'id=id:varchar(64)');

# Of each $every events the last one gets the id of the first of all, or is
# nested deeper than any database takes.
sub spoil {
	my ($from, $to, $every, $deep) = @_;
	my $nest = '"d":' . '[' x 120 . ']' x 120 . ',';
	open my $in, '<', $from or die "$from: $!\n";
	open my $out, '>', $to or die "$to: $!\n";
	while (my $line = <$in>) {
		if ($every && $. % $every == 0) {
			$deep ? $line =~ s/^\{/{$nest/
			    : $line =~ s/"id":"[^"]*"/"id":"bench-000000000"/;
		}
		print $out $line or die "$to: $!\n";
	}
	close $out or die "$to: $!\n";
	return $to;
}

# A file with some events that a unique key refuses, or that the JSON of the
# database cannot be, against one without, in the same table.
sub refused {
	my ($db) = @_;
	my $k = $db->{kind};
	my $dir = scratch('refused');
	mkdir $dir or die "$dir: $!\n";
	my $all = make_events("$dir/all.ndjson", 0, $SETTING{rows});
	my %file = map { $_->[0] => spoil($all, "$dir/$_->[0].ndjson",
		@{$_}[1, 2]) } ['none', 0, 0], ['100', 100, 0], ['16', 16, 0],
	    ['deep', 16, 1];
	$db->reset;
	$db->sql('ALTER TABLE logs.logs ADD COLUMN id VARCHAR(64) UNIQUE');
	for my $round (0 .. $SETTING{rounds} - 1) {
		say("$k: refused, round ", $round + 1);
		for my $name (rotated($round, qw(none 100 16 deep))) {
			$db->reset;
			my $p = finish(spawn('logload', $db->logload(@IDS,
				'--rejected-dir', $dir, '--jobs', 1,
				$file{$name})), limit => 600);
			$p->{status} >> 8 == ($name eq 'none' ? 0 : 65)
			    or die slurp($p->{err}), "\n";
			sample("$k refused $name",
				$SETTING{rows} / $p->{seconds});
		}
	}
	result("$k: events/s, 1 in 100 refused : none", "$k refused 100",
		"$k refused none", '0.55');
	result("$k: events/s, 1 in 16 refused : none", "$k refused 16",
		"$k refused none", '0.4');
	result("$k: events/s, 1 in 16 too deep : none", "$k refused deep",
		"$k refused none", '0.9');
	system 'rm', '-rf', $dir;
	$db->sql('ALTER TABLE logs.logs DROP COLUMN id');
	$db->reset;
	return;
}

# The peak memory of logload on one large file.
sub big {
	my ($db) = @_;
	my $path = scratch('big.ndjson');
	my $per_event = 250;
	my $count = int($SETTING{big} * 2**20 / $per_event);
	say("$db->{kind}: one file of $SETTING{big} MiB");
	$db->reset;
	make_events($path, 0, $count);
	my $p = finish(spawn('logload', $db->logload($path)),
		peak => 'logload', limit => 3600);
	die 'logload: ', slurp($p->{err}), "\n" if $p->{status} != 0;
	my $rate = sample("$db->{kind} big", $count / $p->{seconds});
	my $mib = number((-s $path) / 2**20);
	result_text("$db->{kind}: peak memory of logload, $mib MiB, MiB",
		number(take_peak('logload') / 1024), '', '', '64 MiB');
	result_text("$db->{kind}: rows/s over that file", number($rate));
	unlink $path;
	$db->reset;
	return;
}

# --- many small files

sub fill_ready {
	my ($spool, $files) = @_;
	my $line = '{"event":"user_login","user_id":7,'
	    . '"@received_at":"2026-11-22T07:33:51.123456Z"}' . "\n";
	mkdir $_ or die "$_: $!\n" for $spool, "$spool/ready";
	for my $i (1 .. $files) {
		spill(sprintf('%s/ready/20261122T07%02d%02d.%06dZ-bench-1-%d'
			. '.ndjson', $spool, $i / 60e6, $i / 1e6 % 60,
			$i % 1e6, $i), $line);
	}
	return;
}

# Starts logload over that many files. Seconds until the first was loaded,
# and milliseconds a file from then on, over at most {seconds} of them.
sub drain {
	my ($db, $files, $seconds) = @_;
	my $spool = scratch('spool');
	$db->reset;
	fill_ready($spool, $files);
	my $changed = sub { (Time::HiRes::stat("$spool/ready"))[9] };
	my $before = $changed->();
	my $p = spawn('logload', $db->logload('--spool', $spool));
	wait_until('a first file', 120, sub { $changed->() != $before });
	my $first = now() - $p->{start};
	my $until = now() + $seconds;
	Time::HiRes::sleep(0.05)
	    while now() < $until && $db->events < $files;
	stop($p);
	my ($count, $span) = split /\t/, $db->sql('SELECT COUNT(*), '
		. 'TIMESTAMPDIFF(MICROSECOND, MIN(loaded_at), MAX(loaded_at))'
		. ' FROM logs.log_files');
	system 'rm', '-rf', $spool;
	return ($first, $count > 1 ? $span / 1000 / ($count - 1) : 0);
}

sub backlog {
	my ($db) = @_;
	my ($k, $many) = ($db->{kind}, $SETTING{backlog});
	for my $round (0 .. $SETTING{rounds} - 1) {
		say("$k: backlog, round ", $round + 1);
		for my $files (rotated($round, 10, $many)) {
			my ($first, $each) = drain($db, $files,
				2 * $SETTING{seconds});
			sample("$k backlog $files first s", $first);
			sample("$k backlog $files ms", $each);
		}
	}
	result("$k: s to the first of $many files", "$k backlog $many first s",
		"$k backlog 10 first s", '1 s', inverse => 1);
	result("$k: ms a file, of $many : of 10", "$k backlog $many ms",
		"$k backlog 10 ms", '1.0', inverse => 1);
	$db->reset;
	take_peak('logload');
	return;
}

1;
