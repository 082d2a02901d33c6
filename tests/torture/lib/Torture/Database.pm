package Torture::Database;

# What the scenarios ask of a database, whichever it is. Each has a file:
# MariaDB.pm, MySQL.pm, PostgreSQL.pm, SQLite.pm. A new one is a file more, and
# a row of @DATABASES in run; no scenario names one.
#
# A server of its own
#	->new($dir, OPTION...)    its files in a directory, and started
#	->at_first                the one of most scenarios
#	->another($dir)           one more of the same kind
#	->forgetful($dir)         one that does not sync what it commits
#	->be_careless             … from now on, if that has to be said
#	->lose_power              it is away, and has forgotten its end
#	->primary($dir), ->replica($dir), ->part, ->promote
#	                          a replica that is a second behind; it hears no
#	                          more of its primary; it is one
#	->start, ->ready, ->end, ->crash, ->freeze, ->thaw, ->remove
#	->lacks($scenario)        what is not for this database, and why
# Its databases, one for each world
#	->make($name), ->make_tables($name), ->drop($name), ->env($name, $port)
#	->try($statement, $name), ->sql(…)   rows in lines; undef, or the end
#	->tables($name)           those of events
#	->payload                 the event as text, in SQL; as_payload: and back
#	->keeps_text              is it the text that was sent?
#	->refuse($name), ->accept($name)     events "page_view"
# What may befall it
#	->hazards, ->mistakes     [what, do, seconds about, undo]; those of a human
#	->wire                    what stands on its wire: see Net.pm
#	->points, ->retry_points, ->faults, ->starts
#	                          calls of logload's client: see faults-*.c
#	->lie                     the call that is a COMMIT

use strict;
use warnings;
use Torture;

sub at_first { return (shift)->new("$DIR/database") }
sub another { return (ref shift)->new(@_) }
sub be_careless { return }
sub part { return }
sub lacks { return }

sub ready {
	my ($self, $seconds) = @_;
	return defined wait_for($seconds // 90, sub {
		# Killed by a disk that was full, or by chance: once more.
		$self->start;
		return defined $self->try('SELECT 1');
	});
}

# An orderly end.
sub end {
	my ($self) = @_;
	Torture::stop($self->{process}, 60);
	return;
}

sub crash {
	my ($self) = @_;
	kill_hard($self->{process});
	tally_kill('the database');
	return;
}

# It does nothing more, but its connections stand.
sub freeze {
	my ($self) = @_;
	kill 'STOP', $self->{process}{pid};
	return;
}

sub thaw {
	my ($self) = @_;
	kill 'CONT', $self->{process}{pid};
	return;
}

# Its last end.
sub remove {
	my ($self) = @_;
	kill_hard($self->{process});
	return;
}

sub payload { return 'payload' }
sub as_payload { return $_[1] }
sub keeps_text { return 1 }

sub sql {
	my ($self, $statement, $database) = @_;
	return $self->try($statement, $database)
	    // die "$statement: $self->{error}\n";
}

# What a client of it printed, without its last line break.
sub ask {
	my ($self, @command) = @_;
	my ($out, $status, $error) = run(@command);
	$self->{error} = $error;
	return if $status;
	chomp $out;
	return $out;
}

# As the manual says: by whom the tools are.
sub schema {
	my ($self, $name) = @_;
	return scalar run("$BIN/logload", '--db', $self->url($name),
		'--print-schema');
}

sub make_tables {
	my ($self, $name) = @_;
	$self->sql($self->schema($name), $name);
	return;
}

sub env {
	my ($self, $name, $port) = @_;
	return (
		LOGLOAD_DB => $self->url($name, $port),
		LOGLOAD_DB_PASSWORD => 'secret',
		# Faults and the proxy look for words on the wire.
		LOGLOAD_SSL_MODE => 'disabled',
	);
}

# --- the ways of rows, where there is more than one: each connection of logload
# takes one by chance

# From now on connections take the one on which alone that call is made; true
# if they have to begin anew for it.
sub choose_way { return 0 }

# Counts them, and tells.
sub ways_taken { return '' }

1;
