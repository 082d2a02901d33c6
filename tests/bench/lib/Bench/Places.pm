package Bench::Places;

# logload against the database's own client into a table that is not empty: its
# time range is full already, it has a secondary index, it has many rows. Both
# tables get the same rows before, and in each round the same new ones.

use strict;
use warnings;
use Exporter 'import';
use Bench;
use Bench::Loading;

our @EXPORT = qw(places);

my $FILL_ID = 1_000_000; # of the rows that were there before
my $PART = 1_000_000;

sub make_tsv {
	my ($path, $id, $first, $count) = @_;
	run('events', 'sh', '-c', 'exec "$0" -t -f "$1" -s "$2" "$3" >"$4"',
		"$BUILD/tests/bench/events", $id, $first, $count, $path);
	return $path;
}

# So many rows, from that one on, in both tables.
sub fill {
	my ($db, $dir, $first, $count) = @_;
	my $path = "$dir/logs.fill";
	for (my $done = 0; $done < $count; $done += $PART) {
		my $left = $count - $done;
		make_tsv($path, $FILL_ID, $first + $done,
			$left < $PART ? $left : $PART);
		for my $where ('reference', 'logs') {
			run('import', $db->importer($where, $path));
		}
		$db->purge;
	}
	unlink $path;
	return;
}

sub count {
	my ($db) = @_;
	return map { $db->sql("SELECT COUNT(*) FROM $_.logs WHERE file_id "
		. "<> $FILL_ID") } 'logs', 'reference';
}

# New rows from $first on, round after round, into both.
sub compare {
	my ($db, $dir, $place, $first) = @_;
	my ($k, $rows) = ($db->{kind}, $SETTING{rows});
	for my $round (0 .. $SETTING{rounds} - 1) {
		my $from = $first + $round * $rows;
		my $lines = make_events("$dir/$round.ndjson", $from, $rows);
		my $tsv = make_tsv("$dir/logs.tsv", $round + 1, $from, $rows);
		my %way = (logload => [$db->logload('--jobs', 1, $lines)],
			import => [$db->importer('reference', $tsv)]);
		for my $key (rotated($round, qw(logload import))) {
			my $seconds = took($key, @{$way{$key}});
			sample("$k $place $key", $rows / $seconds);
		}
		unlink $lines, $tsv;
		$db->purge;
	}
	my ($ours, $theirs) = count($db);
	die "$place: logload stored $ours rows, the import $theirs\n"
	    if $ours != $theirs;
	result("$k: rows/s, logload : mariadb-import, $place",
		"$k $place logload", "$k $place import", '1.0');
	return;
}

sub places {
	my ($db) = @_;
	my $dir = scratch('places');
	my $new = $SETTING{rows} * $SETTING{rounds};
	mkdir $dir or die "$dir: $!\n";
	say("$db->{kind}: a time range that is full");
	$db->reset;
	fill($db, $dir, 0, $new);
	compare($db, $dir, 'full time range', 0);
	say("$db->{kind}: a secondary index");
	$db->reset;
	$db->sql("ALTER TABLE $_.logs ADD INDEX place (event, occurred_at)")
	    for 'logs', 'reference';
	compare($db, $dir, 'one more index', 0);
	$db->sql("ALTER TABLE $_.logs DROP INDEX place")
	    for 'logs', 'reference';
	say("$db->{kind}: $SETTING{'table-rows'} rows before");
	$db->reset;
	fill($db, $dir, 0, $SETTING{'table-rows'});
	compare($db, $dir, number($SETTING{'table-rows'}) . ' rows before',
		$SETTING{'table-rows'});
	system 'rm', '-rf', $dir;
	$db->reset;
	return;
}

1;
