package Torture::Changes;

# logload is killed at random moments, and never started twice with the same
# options: another --chunk, other columns, more at a time. One follows the
# spool, into which some files come packed; others load files by hand, plain and
# packed, and packed otherwise the next time, until they are through.

use strict;
use warnings;
use Exporter 'import';
use Torture;
use Torture::Events;
use Torture::World;

our @EXPORT = qw(changes);

my @PACKERS = ([''], ['.gz', 'gzip'], ['.zst', 'zstd']);

# What the table has room for, as it is made with no options.
my @COLUMNS = ('', 'level=', "user_id=\nlevel=severity:varchar(16)",
	'event=message:varchar(64)', "occurred_at=\nuser_id=");

sub options {
	return {
		LOGLOAD_CHUNK => pick('64KiB', '64KiB', '100KiB', '1MiB', '64MiB'),
		LOGLOAD_JOBS => pick(1, 1, 2, 3),
		LOGLOAD_COLUMN => pick(@COLUMNS),
	};
}

# Packs the file's events, as that packer does it.
sub pack_file {
	my ($file, $name, $how) = @_;
	my ($ending, $packer) = @$how;
	return $file if !defined $packer;
	# In another place, and moved: it is whole when it has its name.
	my (undef, $status) = run('sh', '-c',
		"$packer -q -c <'$file' >'$file.packed'");
	die "$packer: it fails\n" if $status;
	rename "$file.packed", "$name$ending" or die "$name$ending: $!\n";
	return "$name$ending";
}

# --- files in ready/

sub place_packed {
	my ($w) = @_;
	my $n = ++$w->{placed};
	my $file = "$w->{dir}/draft";
	my @ids = map { "packed-$w->{n}-$n-$_" } 1 .. 20 + int rand 600;
	my $text = join '', map { make_event($_) . "\n" } @ids;
	spew($w->{sent}, $text);
	tally('events sent', scalar @ids);
	spill($file, $text);
	my $packed = pack_file($file, "$w->{dir}/packed", pick(@PACKERS[1, 2]));
	# Its content tells that it is packed.
	rename $packed, "$w->{spool}/ready/somebody's-$n.ndjson"
	    or die "ready/: $!\n";
	spew($w->{acked}, join '', map { "$_\n" } @ids);
	tally('packed files in ready/');
	return;
}

# --- by hand

# A file of several chunks, if they are small.
sub new_file {
	my ($w) = @_;
	my $n = ++$w->{by_hand};
	my $name = "$w->{dir}/hand-$n.ndjson";
	my @ids = map { "hand-$w->{n}-$n-$_" } 1 .. 500 + int rand 5000;
	my $text = join '', map { make_event($_) . "\n" } @ids;
	spill($name, $text);
	spew($w->{sent}, $text);
	tally('events sent', scalar @ids);
	return {name => $name, ids => \@ids, log => "$w->{dir}/hand.log"};
}

sub load_file {
	my ($w, $f) = @_;
	my $options = options();
	my $path = pack_file($f->{name}, $f->{name}, pick(@PACKERS));
	$f->{process} = Torture::spawn('logload', {
			env => {%{$w->env}, %$options},
			out => $f->{log}, err => $f->{log}},
		"$BIN/logload", '--wait', '60s', $path);
	return;
}

# Once more, until it has come to its end; true then. Its events count from
# there on.
sub go_on {
	my ($w, $f) = @_;
	my $p = $f->{process};
	return 0 if $p && !defined $p->{ended};
	if ($p && ($p->{status} == 0 || $p->{status} == 65 << 8)) {
		spew($w->{acked}, join '', map { "$_\n" } @{$f->{ids}});
		tally('files loaded by hand');
		return 1;
	}
	# 75: the database was away for longer than it waits.
	violation("logload $f->{name} ended with " . status_text($p->{status}))
	    if $p && $p->{status} != 9 && $p->{status} != 75 << 8;
	load_file($w, $f);
	return 0;
}

# What was loaded is known, however it is packed: this adds nothing.
sub load_again {
	my ($w, $f) = @_;
	load_file($w, $f);
	wait_for(60, sub { defined $f->{process}{ended} })
	    // return violation("logload $f->{name} does not end");
	tally('files loaded by hand once more');
	return;
}

sub changes {
	my ($db, $seconds) = @_;
	my $w = Torture::World->new($db, rate => 150, batch => 4,
		env => {LOGBATCH_MAX_SIZE => '120KB'});
	my $until = now() + $seconds;
	my $next_db = now() + between(5, 10);
	my $next_file = now();
	$db->make_tables($w->{database}) if !$db->tables($w->{database});
	$w->keep($_) for qw(logrecv logbatch);
	$w->keep('logload', env => \&options);
	wait_for(20, sub { -d "$w->{spool}/ready" });
	$w->load;
	my @files = map { new_file($w) } 1 .. 2;
	while (now() < $until) {
		@files = map { go_on($w, $_) ? new_file($w) : $_ } @files;
		pause(between(0.01, 0.25));
		$w->kill_tool('logload') if chance(0.4);
		for my $p (grep { $_ } map { $_->{process} } @files) {
			tally_kill('logload FILE')
			    if chance(0.5) && !defined $p->{ended}
			    && kill 'KILL', $p->{pid};
		}
		place_packed($w) if chance(0.1);
		next if now() < $next_db;
		$db->crash;
		$db->start;
		$next_db = now() + between(6, 15);
	}
	$db->ready;
	for my $f (@files) {
		wait_for(120, sub { go_on($w, $f) })
		    // violation("$f->{name} is not loaded to its end");
		load_again($w, $f);
	}
	# Whether a fresh event has come is asked by its column.
	$w->{tools}{logload}{env} = {};
	$w->kill_tool('logload');
	$w->finish;
	return;
}

1;
