package Powercut::Disk;

# What a disk may hold when the power goes, of what a trace tells was done to
# it. The model of a file system is told in tests/powercut/run.
#
#	$state = disk_state($trace, $cut, $variant)
#
# All chance comes from rand.

use strict;
use warnings;
use Exporter 'import';
use Powercut::Trace qw(parent);

our @EXPORT_OK = qw(disk_state variants);

my $SECTOR = 512;

# Is a change made durable by one of these syncs before the cut?
sub is_synced {
	my ($syncs, $n, $cut) = @_;
	for my $s (@{$syncs // []}) {
		return 1 if $s->[0] > $n && $s->[1] < $cut;
	}
	return 0;
}

# Which changes of names are kept: an array of 0 and 1.
sub keep_names {
	my ($trace, $cut, $how) = @_;
	my @names = grep { $_->{n} < $cut } @{$trace->{names}};
	my (@keep, $last_synced);
	for my $i (0 .. $#names) {
		my $dir = parent($names[$i]{to} // $names[$i]{from});
		next unless is_synced($trace->{syncs}{$dir}, $names[$i]{n}, $cut);
		$keep[$i] = 1;
		$last_synced = $i;
	}
	# Nothing is kept without what it builds on.
	for my $i (reverse 0 .. $#names) {
		next unless $keep[$i];
		$keep[$_] = 1 for @{$names[$i]{after}};
	}
	my $journal = ($last_synced // -1) + 1;
	$journal += int rand(@names - $journal + 1);
	my $share = rand;
	for my $i (0 .. $#names) {
		next if $keep[$i];
		$keep[$i] = $how eq 'all' ? 1
		    : $how eq 'synced' ? 0
		    : $how eq 'journal' ? $i < $journal
		    : (rand() < $share
			&& !grep { !$keep[$_] } @{$names[$i]{after}});
	}
	return (\@names, \@keep);
}

# The tree of names: dirs, and path => file. With $twice, a rename whose old
# directory was not synced since may have left the old name there too.
sub tree {
	my ($trace, $cut, $how, $twice) = @_;
	my ($names, $keep) = keep_names($trace, $cut, $how);
	my %dirs = %{$trace->{base}{dirs}};
	my %at = %{$trace->{at_start} // {}};
	my %links;
	for my $i (grep { $keep->[$_] } 0 .. $#$names) {
		my $name = $names->[$i];
		if ($name->{dir}) {
			$dirs{$name->{to}} = 1;
			next;
		}
		delete $at{$name->{from}} if defined $name->{from};
		next unless defined $name->{to};
		$at{$name->{to}} = $name->{file};
		$links{$name->{from}} = $name->{to}
		    if $twice && defined $name->{from}
		    && $name->{from} =~ m{/(buffer|ready)/} && rand() < 0.5
		    && !is_synced($trace->{syncs}{parent($name->{from})},
			$name->{n}, $cut);
	}
	# Both names, or it is no such state.
	delete $links{$_} for grep { !$at{$links{$_}} || $at{$_} } keys %links;
	return (\%dirs, \%at, \%links);
}

# A content after some changes, with 0 bytes where nothing was written.
sub apply {
	my ($content, @changes) = @_;
	for my $c (@changes) {
		my ($n, $at, $data) = @$c;
		$content .= "\0" x ($at - length $content)
		    if length $content < $at;
		if (defined $data) {
			substr($content, $at, length $data) = $data;
		} else {
			substr($content, $at) = '';
		}
	}
	return $content;
}

# What was synced, and the changes since.
sub parts {
	my ($file, $cut) = @_;
	my $synced = -1;
	for my $s (@{$file->{syncs}}) {
		$synced = $s->[0] if $s->[1] < $cut && $s->[0] > $synced;
	}
	my @since = grep { $_->[0] < $cut } @{$file->{changes}};
	my @durable = grep { $_->[0] < $synced } @since;
	@since = grep { $_->[0] >= $synced } @since;
	return (apply($file->{content}, @durable), @since);
}

# The first of the changes came through, the last of them up to some byte.
sub torn {
	my ($old, @since) = @_;
	my $last = $since[int rand @since];
	my @whole = grep { $_->[0] < $last->[0] } @since;
	my $cut = defined $last->[2]
	    ? [$last->[0], $last->[1],
		substr($last->[2], 0, int rand(length($last->[2]) + 1))]
	    : $last;
	return apply($old, @whole, $cut);
}

# The size came through, of the content no sector, or some.
sub holed {
	my ($old, $share, @since) = @_;
	my $new = apply($old, @since[0 .. int rand @since]);
	my $was = $old . "\0" x (length($new) > length($old)
		? length($new) - length($old) : 0);
	for (my $at = 0; $at < length $new; $at += $SECTOR) {
		next if rand() < $share;
		my $len = $at + $SECTOR > length $new
		    ? length($new) - $at : $SECTOR;
		substr($new, $at, $len) = substr($was, $at, $len);
	}
	return $new;
}

sub content {
	my ($file, $cut, $how) = @_;
	my ($old, @since) = parts($file, $cut);
	$how = (qw(synced all torn zeros holes))[int rand 5]
	    if $how eq 'any';
	return $old if !@since || $how eq 'synced';
	return torn($old, @since) if $how eq 'torn';
	return holed($old, 0, @since) if $how eq 'zeros';
	return holed($old, rand, @since) if $how eq 'holes';
	return apply($old, @since);
}

# Variants: what is kept of names, of content, and whether names are doubled.
my %VARIANTS = (
	nothing    => ['synced', 'synced'],
	everything => ['all', 'all'],
	torn       => ['all', 'torn'],
	zeros      => ['all', 'zeros'],
	holes      => ['all', 'holes'],
	empty      => ['all', 'synced'],
	nameless   => ['synced', 'all'],
	journal    => ['journal', 'any'],
	mixed      => ['some', 'any'],
	twice      => ['some', 'any', 1],
);

sub variants { my @all = sort keys %VARIANTS; return @all }

# {dirs => [path...], files => {path => content}, links => {path => other}}
sub disk_state {
	my ($trace, $cut, $variant) = @_;
	my ($names, $content, $twice) = @{$VARIANTS{$variant}};
	my ($dirs, $at, $links) = tree($trace, $cut, $names, $twice);
	my %files = map { $_ => content($at->{$_}, $cut, $content) }
	    sort keys %$at;
	return {dirs => [sort keys %$dirs], files => \%files,
		links => $links};
}

1;
