#!/usr/bin/env bash
#
# Generated events are JSON objects of exactly the size asked for, with an id
# that names run and event, and the same for the same seed.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

# Prints the bodies with the time stamp taken out.
bodies() {
	sed 's/"timestamp":"[^"]*"/"timestamp":""/' "$DIR/server/bodies"
	: >"$DIR/server/bodies"
}

server_start
send --run t1 --rate 0 --count 500 --connections 1
is "$(awk '{print length($0)}' "$DIR/server/bodies" | sort -u)" 204 \
	'an event has 204 bytes'
ok 'each is one JSON object with the members that are documented' \
	perl -MJSON::PP -ne '
	my $e = decode_json($_);
	die $_ if join(" ", sort keys %$e) ne
	    "event id level message timestamp user_id";
	die $_ if $e->{id} ne sprintf("t1-%09d", $.) ||
	    $e->{event} !~ /^[a-z_]+$/ || $e->{user_id} !~ /^\d+$/ ||
	    $e->{level} !~ /^(debug|info|warning|error)$/ ||
	    $e->{timestamp} !~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
	END { die "$. events" if $. != 500 }' "$DIR/server/bodies"
first=$(bodies)
send --run t1 --rate 0 --count 500 --connections 1
is "$(bodies)" "$first" 'the same seed makes the same events'
send --run t1 --rate 0 --count 500 --connections 1 --seed 2
isnt "$(bodies)" "$first" 'another seed makes others'

send --rate 0 --count 1 --connections 1
one=$(report run)
send --rate 0 --count 1 --connections 1
isnt "$(report run)" "$one" 'each run has a name of its own'
like "$(cat "$DIR/server/bodies")" "\"id\":\"$one-000000001\"" \
	'which begins the ids'

: >"$DIR/server/bodies"
send --rate 0 --count 3 --connections 1 --size 4000 --batch 7
is "$(awk '{print length($0)}' "$DIR/server/bodies" | sort -u)" 4000 \
	'--size is the size of each event of a batch'
is "$(received)" 21 'a batch has as many events as asked for'
is "$(report events_sent)" 21 'as the report says'
like "$(tail -n 8 "$DIR/server/heads")" 'Content-Type: application/x-ndjson' \
	'a batch is NDJSON'

: >"$DIR/server/bodies"
send --rate 0 --count 4 --connections 2 --size 1MiB --batch 15
is "$STATUS" 0 'a request that no socket takes at once is sent'
is "$(awk '{print length($0)}' "$DIR/server/bodies" | sort | uniq -c |
	tr -s ' ')" ' 60 1048576' 'whole'

run logsend --url "$URL" --count 1 --size 100
is "$STATUS" 64 'a size that is too small for an event is refused'
like "$ERR" '--size: .* needs at least [0-9]+ bytes' 'and the least is named'
run logsend --url "$URL" --count 1 --size 1MiB --batch 17
is "$STATUS" 64 'and a request that is too large'
run logsend --url "$URL" --count 1 --run 'a"b'
is "$STATUS" 64 'and a name that would need escapes'
done_testing
