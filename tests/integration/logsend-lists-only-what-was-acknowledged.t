#!/usr/bin/env bash
#
# --acked is what others are held to: an id stands there only if a whole answer
# of 2xx said that all events of its request were accepted.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

# Every kind of answer that is no acknowledgement, and good ones between.
server_start '
	my $good = ok($events);
	my @bad = (
	    answer(503, "{\"error\":\"full\"}"),
	    answer(400, "{\"error\":\"bad\"}"),
	    ok($events - 1),
	    ok($events + 1),
	    answer(202, ""),
	    answer(202, "accepted"),
	    answer(202, "{\"accepted\":\"$events\"}"),
	    answer(202, "{\"x\":{\"accepted\":$events}}"),
	    answer(302, "{\"accepted\":$events}"),
	    answer(200, "{\"accepted\":$events,\"rejected\":1}"),
	    answer(200, "{\"rejected\":\"0\",\"accepted\":$events}"),
	    [substr($good, 0, -1), 0, 1],
	    [substr($good, 0, 20), 0, 1],
	    ["", 0, 1],
	    ["rubbish\r\n\r\n", 0, 0],
	    $good =~ s/ 200 / 200/r,
	    $good =~ s/\r\n/\n/gr,
	    $good =~ s/Content-Length/Content-Length : 5\r\nContent-Length/r,
	    $good =~ s/(Content-Length: )/${1}3\r\n$1/r,
	    $good =~ s/(Content-Length)/Transfer-Encoding: chunked\r\n$1/r,
	    answer(101, ""),
	);
	return $good if $n % 2;
	my $answer = $bad[$n / 2 - 1] // $good;
	return ref $answer ? @$answer : $answer'
send --run r --count 50 --rate 200 --connections 1 --batch 3 \
	--acked "$DIR/acked"
is "$STATUS" 65 'the exit status tells of the refused ones'
is "$(report requests_sent)" 50 'all were sent'
is "$(report requests_acknowledged)" 29 'those answered well are acknowledged'
is "$(report requests_mismatched)" 8 'answers that accept another number count'
is "$(report requests_refused)" 3 'and refusals'
is "$(report refused.503) $(report refused.400) $(report refused.302)" \
	'1 1 1' 'by status'
is "$(report failed.closed)" 3 'and half an answer'
is "$(report failed.malformed)" 7 'and what is no answer'
# Request n holds the ids 3n-2 to 3n; 2, 4, ... 42 were not acknowledged.
for n in $(seq 50); do
	[ $((n % 2)) -eq 0 ] && [ "$n" -le 42 ] && continue
	printf 'r-%09d\n' $((3 * n - 2)) $((3 * n - 1)) $((3 * n))
done >"$DIR/want"
ok 'and --acked lists exactly the events of the others' \
	diff -u "$DIR/want" "$DIR/acked"
like "$ERR" 'refused with 400: \{"error":"bad"\}' \
	'the first refusal of a kind is shown'
is "$(grep -c 'refused with 503' <<<"$ERR")" 1 'once'

# Emptied at the start: what stood there before was another run's.
send --count 0 2>/dev/null
is "$STATUS" 64 'a count of nothing is refused'
send --run s --count 1 --rate 0 --acked "$DIR/acked"
is "$(cat "$DIR/acked")" 's-000000001' 'the file is emptied first'
send --count 1 --acked "$DIR/none/acked"
is "$STATUS" 74 'a file that cannot be written is an error'
send --count 1 --acked -
is "$STATUS" 64 'standard output is for the report'
ln -s /dev/full "$DIR/full"
send --count 1 --acked "$DIR/full"
is "$STATUS" 74 'a full disk is an error'
like "$ERR" 'write .*/full: No space left on device' 'which is named'
done_testing
