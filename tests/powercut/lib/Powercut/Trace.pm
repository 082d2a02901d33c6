package Powercut::Trace;

# What the tools did, as record.c wrote it down: what changed in the spool, and
# for that Powercut::Disk; what was promised to clients; what was committed.
#
#	$trace = Powercut::Trace->read($file, snapshot($dir), @forget)
#	@cuts = $trace->cuts              places between two records, with kinds
#	%acked = $trace->acked($cut)      ids that were promised before it
#	%ledger = $trace->ledger($cut, \%before, $forgets)
#	                                  what the database held
#
# A cut K comes after record K-1 and before record K. @forget names syncs that
# are taken for never done, to see whether the test notices: "file PREFIX" or
# "dir PREFIX". All chance comes from rand, so srand makes it repeatable.

use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(parent snapshot);

# --- reading

# A directory's content: {dirs => {path => 1}, files => {path => [inode, content]}}
sub snapshot {
	my ($root) = @_;
	my %found = (dirs => {}, files => {});
	my @pending = ('');
	while (defined(my $at = shift @pending)) {
		opendir my $dir, "$root/$at" or die "$root/$at: $!\n";
		for my $name (grep { !/^\.\.?$/ } readdir $dir) {
			my $path = $at eq '' ? $name : "$at/$name";
			if (-d "$root/$path") {
				$found{dirs}{$path} = 1;
				push @pending, $path;
				next;
			}
			open my $f, '<:raw', "$root/$path"
			    or die "$root/$path: $!\n";
			my $content = do { local $/; <$f> } // '';
			$found{files}{$path} = [(stat $f)[1], $content];
		}
	}
	return \%found;
}

sub read {
	my ($class, $path, $base, @forget) = @_;
	my $self = bless {base => $base, records => 0, heads => [],
		files => [], by_inode => {}, names => [], last => {},
		syncs => {}, open_syncs => {}, acks => [], streams => {},
		sessions => {}, commits => [], cuts => [], forget => \@forget},
	    $class;
	for my $name (sort keys %{$base->{files}}) {
		my ($inode, $content) = @{$base->{files}{$name}};
		# A file may have two names.
		$self->{at_start}{$name} = $self->{by_inode}{$inode}
		    // $self->new_file($inode, $content);
	}
	open my $in, '<:raw', $path or die "$path: $!\n";
	while (defined(my $line = <$in>)) {
		chomp $line;
		my ($word, $pid, $tid, @about) = split / /, $line;
		my $len = pop @about;
		my $data = '';
		if ($len > 0) {
			CORE::read($in, $data, $len + 1) == $len + 1
			    or die "$path: cut short\n";
			chop $data;
		}
		my $take = $self->can("on_$word")
		    or die "$path: unknown record: $line\n";
		my $n = $self->{records}++;
		push @{$self->{heads}}, $line;
		$take->($self, $n, {pid => $pid, tid => $tid}, $data, @about);
	}
	delete @$self{qw(open_syncs streams sessions)};
	return $self;
}

sub records { return $_[0]{records} }

# The records in front of a cut, in words.
sub describe {
	my ($self, $cut) = @_;
	my $from = $cut > 6 ? $cut - 6 : 0;
	return map { "  $_: $self->{heads}[$_]" } $from .. $cut - 1;
}

sub cuts { return @{$_[0]{cuts}} }

# --- files and names

sub new_file {
	my ($self, $inode, $content) = @_;
	my $file = {number => scalar @{$self->{files}}, content => $content,
		changes => [], syncs => []};
	push @{$self->{files}}, $file;
	$self->{by_inode}{$inode} = $file;
	return $file;
}

sub file_of {
	my ($self, $inode) = @_;
	return $self->{by_inode}{$inode} // die "unknown inode $inode\n";
}

sub parent {
	my ($path) = @_;
	return $path =~ m{^(.*)/} ? $1 : '.';
}

# A step after which the power may go, unless it is about metrics alone.
sub mark_cut {
	my ($self, $n, $path, $kind) = @_;
	push @{$self->{cuts}}, [$n + 1, $kind]
	    if $path !~ m{/metrics(/|$)|-shm$};
	return;
}

# Changes of names happen after the earlier ones of the same name or file, and
# after their directory was made; so does what is kept of them.
sub add_name {
	my ($self, $n, %name) = @_;
	my @keys = map { "name $_" } grep { defined } @name{qw(from to)};
	push @keys, "file $name{file}{number}" if $name{file};
	my @after = grep { defined } map { $self->{last}{$_} } @keys,
	    map { 'made ' . parent($_) } grep { defined } $name{to};
	my $index = @{$self->{names}};
	push @{$self->{names}}, {n => $n, %name, after => \@after};
	$self->{last}{$_} = $index for @keys;
	$self->{last}{"made $name{to}"} = $index if $name{dir};
	$self->mark_cut($n, $name{to} // $name{from}, 'names');
	return;
}

sub on_create {
	my ($self, $n, $who, $data, $inode, $path) = @_;
	$self->add_name($n, to => $path, file => $self->new_file($inode, ''));
	return;
}

sub on_mkdir {
	my ($self, $n, $who, $data, $inode, $path) = @_;
	$self->add_name($n, to => $path, dir => 1);
	return;
}

sub on_rename {
	my ($self, $n, $who, $data, $inode, $from, $to) = @_;
	$self->add_name($n, from => $from, to => $to,
		file => $self->file_of($inode));
	return;
}

sub on_unlink {
	my ($self, $n, $who, $data, $inode, $path) = @_;
	$self->add_name($n, from => $path, file => $self->file_of($inode));
	return;
}

sub on_write {
	my ($self, $n, $who, $data, $inode, $path, $at) = @_;
	push @{$self->file_of($inode)->{changes}}, [$n, $at, $data];
	$self->mark_cut($n, $path, $path =~ m{/buffer/} ? 'data' : 'names');
	return;
}

sub on_truncate {
	my ($self, $n, $who, $data, $inode, $path, $size) = @_;
	push @{$self->file_of($inode)->{changes}}, [$n, $size];
	$self->mark_cut($n, $path, 'names');
	return;
}

sub is_forgotten {
	my ($self, $what) = @_;
	return grep { index($what, $_) == 0 } @{$self->{forget}};
}

sub on_sync {
	my ($self, $n, $who, $data, $inode, $path) = @_;
	$self->{open_syncs}{$who->{tid}} = $n;
	$self->mark_cut($n, $path, $path =~ m{/buffer/} ? 'data' : 'names');
	return;
}

sub on_synced {
	my ($self, $n, $who, $data, $inode, $path, $result) = @_;
	my $begin = delete $self->{open_syncs}{$who->{tid}};
	my $file = $self->{by_inode}{$inode};
	# A directory has no content here, so its inode was not told of.
	my $is_dir = $path eq '.' || $path !~ /\./;
	$self->mark_cut($n, $path, $path =~ m{/buffer/} ? 'data' : 'names');
	return if $result != 0;
	if ($is_dir) {
		push @{$self->{syncs}{$path}}, [$begin, $n]
		    unless $self->is_forgotten("dir $path");
	} else {
		push @{$file->{syncs}}, [$begin, $n]
		    unless $self->is_forgotten("file $path");
	}
	return;
}

sub on_die {
	my ($self, $n, $who) = @_;
	delete $self->{open_syncs}{$_} for $who->{tid};
	delete $self->{sessions}{$who->{pid}};
	return;
}

# --- promises: what stood in a request that was answered 200

sub stream {
	my ($self, $who, $fd) = @_;
	return $self->{streams}{"$who->{pid} $fd"} //=
	    {in => '', out => '', waiting => []};
}

sub on_accept {
	my ($self, $n, $who, $data, $fd) = @_;
	delete $self->{streams}{"$who->{pid} $fd"};
	return;
}

# Takes whole messages off the front of a text: [head, body]...
sub messages {
	my ($text) = @_;
	my @found;
	while ($$text =~ /\A(.*?\r\n)\r\n/s) {
		my ($head, $begin) = ($1, $+[0]);
		my ($len) = $head =~ /^content-length: *(\d+)\r/im;
		last if length($$text) < $begin + ($len // 0);
		push @found, [$head, substr $$text, $begin, $len // 0];
		substr($$text, 0, $begin + ($len // 0)) = '';
	}
	return @found;
}

sub on_receive {
	my ($self, $n, $who, $data, $fd) = @_;
	my $stream = $self->stream($who, $fd);
	$stream->{in} .= $data;
	push @{$stream->{waiting}}, [$_->[1] =~ /"id":"([^"]+)"/g]
	    for messages(\$stream->{in});
	return;
}

sub on_send {
	my ($self, $n, $who, $data, $fd) = @_;
	my $stream = $self->stream($who, $fd);
	$stream->{out} .= $data;
	for my $answer (messages(\$stream->{out})) {
		my ($status) = $answer->[0] =~ m{^HTTP/1\.1 (\d+)};
		next if $status == 100;
		my $ids = shift @{$stream->{waiting}}
		    or die "record $n: an answer without a request\n";
		next if $status != 200;
		push @{$self->{acks}}, [$n, @$ids];
		$self->mark_cut($n, '', 'data');
	}
	return;
}

# The rest of it is sent, and recorded, once more.
sub on_sent {
	my ($self, $n, $who, $data, $fd) = @_;
	die "record $n: an answer was cut short, which is not provided for\n";
}

sub acked {
	my ($self, $cut) = @_;
	return map { my (undef, @ids) = @$_; map { $_ => 1 } @ids }
	    grep { $_->[0] < $cut } @{$self->{acks}};
}

# --- the database

sub on_begin {
	my ($self, $n, $who) = @_;
	$self->{sessions}{$who->{pid}}{$who->{tid}} = {};
	return;
}

sub on_rollback { return on_begin(@_) }

sub on_ledger {
	my ($self, $n, $who, $sql) = @_;
	$sql =~ /SET (.*) WHERE id=(\d+)\b/ or die "record $n: $sql\n";
	my ($set, $id) = ($1, $2);
	my %row = $set =~ /[`"]?(\w+)[`"]?=(\w+)/g;
	$self->{sessions}{$who->{pid}}{$who->{tid}}{rows}{$id} = \%row;
	return;
}

sub on_commit {
	my ($self, $n, $who) = @_;
	my $session = $self->{sessions}{$who->{pid}}{$who->{tid}};
	return unless $session && $session->{rows};
	$session->{commit} = $n;
	$self->mark_cut($n, '', 'names');
	return;
}

# A process that was killed before this had not sent its COMMIT yet.
sub on_committed {
	my ($self, $n, $who, $data, $dash, $result) = @_;
	my $session = $self->{sessions}{$who->{pid}}{$who->{tid}};
	die "record $n: the database failed\n" if $result != 0;
	return unless $session && defined $session->{commit};
	push @{$self->{commits}},
	    {begin => $session->{commit}, end => $n, rows => $session->{rows}};
	$self->{sessions}{$who->{pid}}{$who->{tid}} = {};
	$self->mark_cut($n, '', 'names');
	return;
}

# The rows of the ledger by id. A commit under way may be there or not. If it
# forgets, the last of them, however many, were never made.
sub ledger {
	my ($self, $cut, $before, $forgets) = @_;
	my @commits = grep { $_->{begin} < $cut
		&& ($_->{end} < $cut || rand() < 0.5) } @{$self->{commits}};
	splice @commits, int rand(@commits + 1) if $forgets;
	return (%$before, map { %{$_->{rows}} } @commits);
}

1;
