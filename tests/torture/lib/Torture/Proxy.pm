package Torture::Proxy;

# A TCP proxy on 127.0.0.1 that cuts and delays, between logload and the
# database. It is a process of its own, told what to do by lines on a pipe:
#
#	pass             as if it were not there; also ends what is below
#	cut              resets all connections, once
#	after N          resets the next connection after N bytes from the client
#	amid TEXT        resets it amid the packet that holds the statement TEXT
#	answer TEXT      hands that statement over, and resets before its answer
#	delay MS         holds everything back for so long
#	stall            holds everything back until told otherwise
#	refuse           resets each new connection, and those that are
#	target PORT      hands over to another server from now on
#
# and it answers with a line for each connection that it has cut.

use strict;
use warnings;
use IO::Handle;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER);
use Torture;

sub new {
	my ($class, $target) = @_;
	my $self = bless {target => $target}, $class;
	my $listener = IO::Socket::INET->new(Proto => 'tcp', Listen => 64,
		LocalAddr => '127.0.0.1', LocalPort => 0, ReuseAddr => 1)
	    or die "proxy: $!\n";
	$self->{port} = $listener->sockport;
	pipe my $orders, my $tell or die "pipe: $!\n";
	pipe my $news, my $report or die "pipe: $!\n";
	$self->{process} = Torture::spawn_code('proxy', sub {
		close $tell;
		close $news;
		serve($listener, $orders, $report, $target);
	});
	close $_ for $listener, $orders, $report;
	$tell->autoflush(1);
	$news->blocking(0);
	@$self{qw(tell news cuts)} = ($tell, $news, 0);
	return $self;
}

sub order {
	my ($self, $order) = @_;
	print {$self->{tell}} "$order\n";
	return;
}

# How many connections it has cut so far.
sub cuts {
	my ($self) = @_;
	my $n = sysread $self->{news}, my $lines, 65536;
	$self->{cuts} += $lines =~ tr/\n// if $n;
	return $self->{cuts};
}

# --- the process

sub serve {
	my ($listener, $orders, $report, $target) = @_;
	my $s = {order => 'pass', arg => '', report => $report, links => [],
		target => $target};
	$listener->blocking(0);
	for (;;) {
		my ($in, $out) = ('', '');
		vec($in, fileno $_, 1) = 1 for $listener, $orders;
		my $nap = 1;
		for my $link (@{$s->{links}}) {
			for my $way (@{$link->{ways}}) {
				vec($in, fileno $way->{from}, 1) = 1
				    if $way->{held} < 1 << 18;
				my $first = $way->{queue}[0] or next;
				next if $s->{order} eq 'stall';
				my $wait = $first->[0] - now();
				if ($wait <= 0) {
					vec($out, fileno $way->{to}, 1) = 1;
				} elsif ($wait < $nap) {
					$nap = $wait;
				}
			}
		}
		select $in, $out, undef, $nap;
		if (vec $in, fileno $orders, 1) {
			sysread($orders, my $line, 4096) or return;
			obey($s, $_) for split /\n/, $line;
		}
		take_in($s, $listener)
		    if vec $in, fileno $listener, 1;
		for my $link (@{$s->{links}}) {
			for my $way (@{$link->{ways}}) {
				last if $link->{dead};
				fetch($s, $link, $way)
				    if vec $in, fileno $way->{from}, 1;
				deliver($link, $way) if !$link->{dead}
				    && vec $out, fileno $way->{to}, 1;
			}
		}
		@{$s->{links}} = grep { !$_->{dead} } @{$s->{links}};
	}
}

sub obey {
	my ($s, $line) = @_;
	@$s{qw(order arg)} = split / /, $line, 2;
	$s->{target} = $s->{arg} if $s->{order} eq 'target';
	if ($s->{order} =~ /^(?:cut|refuse|target)$/) {
		cut($s, $_) for @{$s->{links}};
		$s->{order} = 'pass' if $s->{order} ne 'refuse';
	}
	$_->{sent} = 0 for @{$s->{links}};
	return;
}

sub take_in {
	my ($s, $listener) = @_;
	my $client = $listener->accept or return;
	my $server = $s->{order} eq 'refuse' ? undef
	    : IO::Socket::INET->new(Proto => 'tcp', PeerAddr => '127.0.0.1',
		PeerPort => $s->{target}, Timeout => 2);
	if (!$server) {
		reset_socket($client);
		return;
	}
	$_->blocking(0) for $client, $server;
	push @{$s->{links}}, {sent => 0, ways => [
		{from => $client, to => $server, queue => [], held => 0,
			up => 1},
		{from => $server, to => $client, queue => [], held => 0}]};
	return;
}

# Closed without a word: the other side sees a reset, not an end.
sub reset_socket {
	my ($socket) = @_;
	setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'll', 1, 0;
	close $socket;
	return;
}

sub cut {
	my ($s, $link) = @_;
	return if $link->{dead};
	$link->{dead} = 1;
	reset_socket($_->{from}) for @{$link->{ways}};
	syswrite $s->{report}, "cut\n";
	return;
}

# Bytes from one side, on their way to the other.
sub fetch {
	my ($s, $link, $way) = @_;
	my $n = sysread $way->{from}, my $bytes, 65536;
	return if !defined $n && $!{EAGAIN};
	if (!$n) {
		# Its end. What was on its way still gets there, if it can.
		$link->{dead} = 1;
		if ($s->{order} ne 'stall') {
			deliver($link, $_, 1) for @{$link->{ways}};
		}
		close $_->{from} for @{$link->{ways}};
		return;
	}
	if ($way->{up}) {
		$link->{sent} += $n;
		if ($s->{order} eq 'after' && $link->{sent} > $s->{arg}
		    || $s->{order} eq 'amid'
		    && index($bytes, $s->{arg}) >= 0) {
			# Half of what there is gets through.
			push @{$way->{queue}}, [0, substr $bytes, 0, $n / 2];
			deliver($link, $way, 1);
			cut($s, $link);
			$s->{order} = 'pass';
			return;
		}
		$link->{doomed} = 1 if $s->{order} eq 'answer'
		    && index($bytes, $s->{arg}) >= 0;
	} elsif ($link->{doomed}) {
		cut($s, $link);
		$s->{order} = 'pass';
		return;
	}
	my $delay = $s->{order} eq 'delay' ? $s->{arg} / 1000 : 0;
	push @{$way->{queue}}, [now() + $delay, $bytes];
	$way->{held} += $n;
	return;
}

# What is due; or all of it, at the end.
sub deliver {
	my ($link, $way, $all) = @_;
	while (my $first = $way->{queue}[0]) {
		return if !$all && $first->[0] > now();
		my $n = syswrite $way->{to}, $first->[1];
		if (!defined $n) {
			return if $!{EAGAIN};
			$link->{dead} = 1;
			close $_->{from} for @{$link->{ways}};
			return;
		}
		$way->{held} -= $n;
		substr($first->[1], 0, $n) = '';
		shift @{$way->{queue}} if $first->[1] eq '';
	}
	return;
}

1;
