package Torture::Events;

# Events as clients may send them, each with an id of its own at its front:
# plain and odd, small and large, and some that the database cannot take.

use strict;
use warnings;
use Exporter 'import';
use Torture;

our @EXPORT = qw(make_event deep_event bad_event);

my @WORDS = qw(request served from cache after retry token renewed account
    session opened closed by peer timeout upstream queue length);

sub words {
	my ($n) = @_;
	return join ' ', map { pick(@WORDS) } 1 .. $n;
}

# MariaDB takes no JSON nested deeper than 32, MySQL 100: such an event comes out
# in rejected/.
sub deep_event {
	my ($id) = @_;
	return qq({"id":"$id","event":"deep","deep":) . '[' x 110 . '1'
	    . ']' x 110 . '}';
}

# No JSON: among good ones it comes out in rejected/, too.
sub bad_event {
	my ($id) = @_;
	return qq({"id":"$id","event":"bad","text":"a\\"b\\\\c","not":NaN});
}

my @ODD = (
	sub { qq("message":"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\xa5 \xd7\xa9") },
	sub { '"message":"\u0000\u0001\u0002\ttab\n\r\\\\\"quote\' % _ \/"' },
	sub { '"event":"' . 'x' x 90 . '"' },         # too long for its column
	sub { '"timestamp":"no time","user_id":1.5e300' },
	sub { '"user_id":{"a":[1,2,{"b":null}]},"level":true' },
	# What a client may try to forge.
	sub { '"@received_at":"1999-01-01T00:00:00.000000Z"' },
	sub { '"message":"\"},{\"id\":\"forged\"}","event":"user_login"' },
	sub { '"a" : [ ] ,  "b":{ }, "c":-0.0, "d":1E+2' },
	sub { '"message":"' . words(400 + int rand 1500) . '"' },
);

sub make_event {
	my ($id) = @_;
	return deep_event($id) if chance(0.004);
	return qq({"id":"$id",) . pick(@ODD)->() . '}' if chance(0.15);
	return sprintf '{"id":"%s","event":"%s","user_id":%d,"level":"%s",'
	    . '"timestamp":"2026-11-22T07:%02d:%02d.%06dZ","message":"%s"}',
	    $id, pick(qw(user_login user_logout page_view purchase)),
	    rand 100_000, pick(qw(debug info warn error)), rand 60, rand 60,
	    rand 1_000_000, words(6 + int rand 8);
}

1;
