package Torture::Oracle;

# Says whether the promise was kept. Three lists of events are all it knows:
#
#   sent     every event that anybody may have sent, whole
#   acked    the ids of those that were answered with 2xx
#   there    every row, and every record in rejected/, whole
#
# and of the ids in them it asks, by sort(1) and comm(1):
#
#   lost     acked, but not there
#   doubled  there twice
#   alien    there, but never sent
#   changed  there, but not as it was sent (where the database keeps texts)
#
# An event that was not acknowledged may be there, once, or not.

use strict;
use warnings;
use Exporter 'import';
use Torture;

our @EXPORT = qw(judge event_id old_name);

# If set, what is found is counted here, and is no violation.
our $found;

$ENV{LC_ALL} = 'C';

sub event_id {
	my ($text) = @_;
	return $text =~ /^\{"id":"([^"]+)"/ ? $1 : "no id: $text";
}

# A file of somebody's gets a name of its own in ready/, which ends in the old
# one.
sub old_name {
	my ($path) = @_;
	return $path =~ s{.*/}{}r =~ s/^\d{8}T[^+]*\+//r;
}

# What logrecv has added goes; it never saw what was put into ready/. And so
# does what it takes out, if a client has sent it.
sub as_sent {
	my ($text) = @_;
	return $text if $text =~ /^\{"id":"alien-/;
	$text =~ s/,"\@received_at":"[0-9T:.-]+Z"\}$/}/;
	return $text;
}

# What a JSON string of ASCII says.
sub unquoted {
	my ($text) = @_;
	$text =~ s/^"(.*)"$/$1/s;
	$text =~ s/\\(?:u00(..)|(.))/defined $1 ? chr hex $1 : $2/ge;
	return $text;
}

# One list: ids and texts, each sorted, in files.
sub put_list {
	my ($dir, $name, $events) = @_;
	spill("$dir/$name.ids", join '', sort map { event_id($_) . "\n" } @$events);
	spill("$dir/$name.texts", join '', sort map { "$_\n" } @$events);
	return;
}

my $JSON_STRING = qr/"((?:[^"\\]++|\\.)*+)"/;

# The records of rejected/: [file, line, kind, text] each.
sub rejected {
	my ($spool) = @_;
	my @records;
	for my $path (glob "$spool/rejected/*.ndjson") {
		my $text = slurp($path);
		violation("$path ends amid a record") if $text !~ /\n\z/;
		for (split /\n/, $text) {
			if (/^\{"file":$JSON_STRING,"line":(\d+),"offset":\d+,
			    (?:"received_at":"[0-9T:.-]+Z",)?
			    "file_id":\d+,"code":(?:-?\d+|"\w{5}"),"text":$JSON_STRING,
			    "rejected_at":$JSON_STRING,
			    "(event|raw|base64)":(.*)\}$/x) {
				push @records, [$1, $2, $5, $6];
			} else {
				violation("$path: not a record: "
					. substr $_, 0, 200);
			}
		}
	}
	return @records;
}

# Every row of every table of events: a scenario may have put one aside.
sub rows {
	my ($db, $name) = @_;
	return map { split /\n/, $db->sql('SELECT ' . $db->payload
		. " FROM $_", $name) } $db->tables($name);
}

# The lines that only the first, or both of two sorted files have.
sub comm {
	my ($columns, $one, $two) = @_;
	my ($out, $status, $error) = run('comm', "-$columns", $one, $two);
	die "comm: $error\n" if $status;
	return split /\n/, $out;
}

sub found {
	my ($what, @lines) = @_;
	if ($found) {
		$found->{$what} = @lines;
		return;
	}
	tally($what, scalar @lines);
	return if !@lines;
	violation(@lines . " $what, such as " . join ', ', map {
		substr $_, 0, 120 } @lines[0 .. ($#lines < 4 ? $#lines : 4)]);
	return;
}

# %o: dir, sent (file of events), acked (file of ids), db, database, spool,
# alien (name of a file => texts of its lines that have to be rejected), forgot
# (the ledger's sums: what it forgot of a retry may be counted twice).
sub judge {
	my (%o) = @_;
	my $dir = $o{dir};
	my @rejected = rejected($o{spool});
	my @rows = rows($o{db}, $o{database});
	my (@there, %alien);
	for my $r (@rejected) {
		my ($file, $line, $kind, $text) = @$r;
		if ($kind eq 'event' && $text =~ /^\{"id":/) {
			push @there, as_sent($text);
		} elsif ($kind eq 'raw' && $text =~ /^"\{\\"id\\":\\"[^"]*-bad\\"/) {
			# It came bad: what logrecv did not take for an event.
			push @there, as_sent(unquoted($text));
			tally('came bad');
		} else {
			push @{$alien{old_name($file)}}, $text;
		}
	}
	push @there, map { as_sent($_) } @rows;
	put_list($dir, 'sent', [map { as_sent($_) }
		split /\n/, slurp($o{sent})]);
	put_list($dir, 'there', \@there);
	run('sort', '-u', '-o', "$dir/acked.ids", $o{acked});
	if (!$found) {
		tally('events acknowledged',
			scalar split /\n/, slurp("$dir/acked.ids"));
		tally('rows', scalar @rows);
		tally('rejected', scalar @rejected);
	}
	found('lost', comm('23', "$dir/acked.ids", "$dir/there.ids"));
	my ($twice) = run('uniq', '-d', "$dir/there.ids");
	found('doubled', split /\n/, $twice);
	run('uniq', "$dir/there.ids", "$dir/there.once");
	found('alien', comm('23', "$dir/there.once", "$dir/sent.ids"));
	run('sort', '-u', '-o', "$dir/there.once", "$dir/there.texts");
	found('changed', comm('23', "$dir/there.once", "$dir/sent.texts"))
	    if $o{db}->keeps_text;
	return scalar @there if $found;
	judge_aliens($o{alien} // {}, \%alien);
	judge_ledger(\%o, scalar @rows, scalar @rejected);
	return scalar @there;
}

# Bad lines of files that somebody has put into ready/: each is one record.
sub judge_aliens {
	my ($want, $got) = @_;
	for my $file (sort keys %{{%$want, %$got}}) {
		my $n = @{$got->{$file} // []};
		my $m = $want->{$file} // 0;
		violation("$file: $n records in rejected/ that are no events, "
			. "not $m") if $n != $m;
	}
	return;
}

# The ledger tells the same story. What is loaded from rejected/ is no longer
# there, or in another file there.
sub judge_ledger {
	my ($o, $rows, $rejected) = @_;
	my $line = $o->{db}->sql('SELECT COALESCE(SUM(events), 0), '
		. "COALESCE(SUM(rejected - CASE WHEN name LIKE '%\@retry-%' "
		. 'THEN events + rejected ELSE 0 END), 0), '
		. 'COUNT(*) - COUNT(loaded_at) FROM log_files',
		$o->{database});
	my ($events, $bad, $open) = split /\t/, $line;
	violation("the ledger has $events events, the table $rows rows")
	    if $events != $rows && !$o->{forgot};
	violation("the ledger has $bad rejected events, rejected/ $rejected")
	    if $bad != $rejected && !$o->{forgot};
	violation("the ledger has $open files that are not loaded to their end")
	    if $open;
	return;
}

1;
