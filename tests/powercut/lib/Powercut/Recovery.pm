package Powercut::Recovery;

# The start after a power cut: a spool as the disk holds it, the tools over it,
# and what must be true then.

use strict;
use warnings;
use Exporter 'import';
use File::Path qw(make_path remove_tree);
use IO::Socket::INET;
use JSON::PP;
use POSIX ();

our @EXPORT_OK = qw(lay_out recover send_event verdict);

# Makes a state real below a directory that it replaces.
sub lay_out {
	my ($state, $root) = @_;
	remove_tree($root);
	make_path($root, map { "$root/$_" } @{$state->{dirs}});
	for my $path (keys %{$state->{files}}) {
		open my $f, '>:raw', "$root/$path" or die "$root/$path: $!\n";
		print $f $state->{files}{$path};
		close $f or die "$root/$path: $!\n";
	}
	for my $path (keys %{$state->{links}}) {
		link "$root/$state->{links}{$path}", "$root/$path"
		    or die "$root/$path: $!\n";
	}
	return;
}

# Runs a program of ours; its status, 124 where it did not end.
sub run {
	my ($log, $env, @command) = @_;
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		open STDOUT, '>>', $log and open STDERR, '>&', \*STDOUT
		    or POSIX::_exit(71);
		@ENV{keys %$env} = values %$env;
		exec 'timeout', '-k', '1', '120', @command
		    or POSIX::_exit(71);
	}
	waitpid $pid, 0;
	return $? & 127 ? 128 + ($? & 127) : $? >> 8;
}

# Starts logrecv over root/spool, and stops it when it has answered. Whether
# that was with 200. An alarm lasts over exec, and kills what does not end;
# timeout(1) loses the signal if it comes before it has noted whom it watches.
sub send_event {
	my ($how, $root, $event) = @_;
	my $pid = open my $said, '-|' or do {
		open STDERR, '>&', \*STDOUT or POSIX::_exit(71);
		alarm 60;
		exec 'logrecv', "--spool=$root/spool", '--workers=1',
		    '--listen=127.0.0.1:0', '--admin-listen=127.0.0.1:0' or POSIX::_exit(71);
	};
	my ($answer, @log) = ('');
	while (defined(my $line = <$said>)) {
		push @log, $line;
		last if $line =~ /listening address=.*:(\d+)/;
	}
	my ($port) = @log ? $log[-1] =~ /listening address=.*:(\d+)/ : ();
	my $server = defined $port && IO::Socket::INET->new(
		PeerAddr => '127.0.0.1', PeerPort => $port);
	if ($server) {
		print $server "POST /log HTTP/1.1\r\nHost: x\r\n",
		    'Content-Length: ', length $event,
		    "\r\nConnection: close\r\n\r\n$event";
		$answer = do { local $/; <$server> } // '';
	}
	kill 'TERM', $pid;
	push @log, <$said>;
	close $said;
	open my $f, '>>', $how->{log} or die "$how->{log}: $!\n";
	print $f @log, $answer;
	return $answer =~ m{^HTTP/1\.1 200 } && $? == 0;
}

# Both tools over root/spool. A name that stands in two directories takes one
# more turn: logbatch waits until logload has taken the other one away.
sub recover {
	my ($how, $root, $db, $turns, $env) = @_;
	my @status;
	my $url = $how->{url} =~ s/\{name\}/$db/r =~ s/\{root\}/$root/r;
	for (1 .. $turns) {
		@status = (
			run($how->{log}, $env // {}, 'logbatch', '--once',
				"--spool=$root/spool", '--log-level=warn'),
			run($how->{log}, $env // {}, 'logload', '--once',
				"--spool=$root/spool", '--log-level=warn',
				'--wait=10s', '--defaults-file=/dev/null',
				"--db=$url", @{$how->{logload}}));
		last if $status[0] == 0;
	}
	return @status;
}

sub files_in {
	my ($dir) = @_;
	opendir my $d, $dir or return;
	return sort grep { !/^\./ } readdir $d;
}

# The events of rejected/, and how many records hold something else.
sub rejected {
	my ($dir, $wrong) = @_;
	my ($debris, @events) = (0);
	for my $name (files_in($dir)) {
		open my $f, '<:raw', "$dir/$name" or die "$dir/$name: $!\n";
		while (defined(my $line = <$f>)) {
			if ($line !~ /\A\{"file":".*\}\n\z/) {
				push @$wrong, "broken: a record in $name";
			} elsif ($line =~ /,"event":(\{.*\})\}\n\z/) {
				push @events, $1;
			} else {
				$debris++;
			}
		}
	}
	return ($debris, @events);
}

# The events of a file that the database has refused whole: it stays in ready/
# until other rows are stored. () if it is another kind of file.
sub put_aside {
	my ($path) = @_;
	open my $f, '<:raw', $path or die "$path: $!\n";
	my @events = grep { /^\{"id":.*\}$/ } map { chomp; $_ } <$f>;
	return grep({ !/^\{"id":"[^"]*","event":"odd",/ } @events) ? () : @events;
}

# Are the two the same, but for how they are written?
my $json = JSON::PP->new->canonical->allow_bignum;
my %same;

sub is_same {
	my ($text, $event) = @_;
	return $same{$text} //= do {
		my $value = eval { $json->decode($text) };
		delete $value->{'@received_at'} if $value;
		$value && $json->encode($value)
		    eq $json->encode($json->decode($event));
	};
}

# What is wrong, a line each: [] if nothing is. Rows are payloads; $reworded if
# these are not the text that was sent.
sub verdict {
	my ($root, $sent, $acked, $rows, $status, $reworded) = @_;
	my (@wrong, %times);
	my ($debris, @rejected) = rejected("$root/spool/rejected", \@wrong);
	my $ready = "$root/spool/ready";
	my %aside = $status->[1] == 78 ? map { $_ => [put_aside("$ready/$_")] }
	    files_in($ready) : ();
	for my $text (@$rows, @rejected, map { @$_ } values %aside) {
		my ($id) = $text =~ /"id": ?"([^"]+)"/;
		my $event = $text =~ s/,"\@received_at":"[^"]*"\}\z/}/r;
		if (!defined $id || !exists $sent->{$id}) {
			push @wrong, 'unknown: ' . substr $text, 0, 200;
			next;
		}
		$times{$id}++;
		push @wrong, "altered: $id: " . substr $text, 0, 200
		    if $event ne $sent->{$id}
		    && !($reworded && is_same($text, $sent->{$id}));
	}
	for my $id (sort keys %$acked) {
		push @wrong, "lost: $id" unless $times{$id};
	}
	for my $id (sort keys %times) {
		push @wrong, "doubled: $id, $times{$id} times"
		    if $times{$id} > 1;
	}
	my $may_reject = @rejected || $debris;
	delete @aside{grep { !@{$aside{$_}} } keys %aside};
	push @wrong, "stuck: logbatch ended with $status->[0]"
	    if $status->[0] != 0;
	push @wrong, "stuck: logload ended with $status->[1]"
	    if $status->[1] != 0 && !($may_reject && $status->[1] == 65)
	    && !%aside;
	for my $place (qw(buffer ready)) {
		push @wrong, "stuck: left in $place: $_"
		    for grep { $place ne 'ready' || !$aside{$_} }
		    files_in("$root/spool/$place");
	}
	return (\@wrong, {debris => $debris, rows => scalar @$rows,
		rejected => scalar @rejected});
}

1;
