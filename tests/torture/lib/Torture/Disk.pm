package Torture::Disk;

# A small file system of its own, to be filled and freed: ext4 in a file, or
# tmpfs where that cannot be had. And what a full one does to the spool.

use strict;
use warnings;
use Exporter 'import';
use Torture;
use Torture::World;

our @EXPORT = qw(disk);

# undef where none can be mounted.
sub new {
	my ($class, $dir, $mib) = @_;
	mkdir $dir or die "$dir: $!\n";
	my $image = "$dir.image";
	my $self = bless {dir => $dir, image => $image}, $class;
	my (undef, $status) = run('truncate', '-s', "${mib}M", $image);
	(undef, $status) = run('mkfs.ext4', '-q', '-F', '-m', '0', '-N',
		'4096', $image) if !$status;
	(undef, $status) = run('mount', '-o', 'loop', $image, $dir)
	    if !$status;
	$self->{kind} = 'ext4';
	if ($status) {
		(undef, $status) = run('mount', '-t', 'tmpfs', '-o',
			"size=${mib}m", 'none', $dir);
		$self->{kind} = 'tmpfs';
	}
	return if $status;
	at_exit(sub { $self->end });
	return $self;
}

# To the last byte.
sub fill {
	my ($self) = @_;
	open my $out, '>>:raw', "$self->{dir}/balloon" or return;
	my $chunk = "\0" x 65536;
	for (my $size = 65536; $size >= 1; $size /= 16) {
		while ((syswrite($out, $chunk, $size) // 0) > 0) { }
	}
	close $out; # what does not fit does not matter
	return;
}

sub free {
	my ($self) = @_;
	unlink "$self->{dir}/balloon";
	return;
}

sub end {
	my ($self) = @_;
	return if $self->{ended}++;
	system "umount '$self->{dir}' 2>/dev/null || umount -l '$self->{dir}'";
	unlink $self->{image};
	return;
}

# The spool's disk is full, and freed again. What was refused was not taken.
sub disk {
	my ($db, $seconds) = @_;
	my $disk = Torture::Disk->new("$DIR/disk", 24) or do {
		say('SKIPPED: no file system can be mounted here');
		tally('SKIPPED: full disks of the spool');
		return;
	};
	my $w = Torture::World->new($db, spool => "$DIR/disk/spool");
	my $until = now() + $seconds;
	my $refusals = 'answers 503 while the disk is filled';
	my $n = 0;
	say("on $disk->{kind}");
	$w->keep_all;
	$w->load;
	while (now() < $until || !$COUNT{$refusals} && now() < $until + 60) {
		$disk->fill;
		my $end = now() + between(1, 3);
		while (now() < $end) {
			my $code = $w->post("full-$w->{n}-" . ++$n);
			tally("answers $code while the disk is filled");
			pause(0.1);
			# What loading has freed.
			$disk->fill;
		}
		tally('full disks of the spool');
		$w->kill_tool(pick(qw(logrecv logbatch logload)))
		    if chance(0.3);
		$disk->free;
		pause(between(0.3, 1.5));
	}
	violation('no 503 while the disk was full')
	    if !$COUNT{$refusals};
	$w->finish;
	$disk->end if !grep { $_->[0] eq $Torture::scenario }
	    @Torture::violations;
	return;
}

1;
