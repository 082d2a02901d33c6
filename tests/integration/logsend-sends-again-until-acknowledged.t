#!/usr/bin/env bash
#
# --retry: what a request is sent again for, when, and what it is given up for;
# what is given up is counted and kept in a file, and can be sent from there.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

# Six ways not to acknowledge a line, two for each but the last.
server_start '
	$n == 1 ? answer(500, "{}") :
	$n == 2 ? (answer(503, "{}", "Retry-After: 2", "Connection: close"), 0, 1) :
	$n == 4 ? ("", 0, 1) :
	$n == 5 ? () :
	$n == 7 ? answer(429, "{}", "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT") :
	$n == 8 ? "nonsense\r\n\r\n" : ok($events)'
printf '{"n":%d}\n' 1 2 3 4 >"$DIR/in"
send --retry --batch 1 --timeout 500ms --drain 60s --run r \
	--acked "$DIR/acked" "$DIR/in"
is "$STATUS" 0 'sent again until it is acknowledged'
is "$(cut -c 6 "$DIR/server/bodies" | tr -d '\n')" 1112223334 'in order'
is "$(sort -u "$DIR/server/bodies" | wc -l)" 4 'as it was'
is "$(report retries)" 6 'each time is counted'
is "$(report refused.500)$(report refused.503)$(report refused.429)" 111 \
	'by status'
is "$(report failed.closed)$(report failed.timeout)$(report failed.malformed)" \
	111 'or by reason'
is "$(report requests_sent) $(report events_acknowledged)" '4 4' \
	'the requests but once'
is "$(paste -s -d ' ' "$DIR/acked")" \
	'r-000000001 r-000000002 r-000000003 r-000000004' 'and listed'
awk '{ if (NR > 1) print int(($1 - last) * 1000); last = $1 }' \
	"$DIR/server/times" >"$DIR/pauses"
num "$(sed -n 1p "$DIR/pauses")" -ge 50 'after a pause'
num "$(sed -n 2p "$DIR/pauses")" -ge 2000 'of the length that is asked for'

# What another attempt does not cure.
stop server
: >"$DIR/server/bodies"
server_start '
	$body =~ /"n":([2-4])/ ? answer({2 => 400, 3 => 401, 4 => 413}->{$1}, "no")
	    : $body =~ /"n":6/ ? answer(200, "{\"accepted\":0,\"rejected\":1}")
	    : ok($events)'
printf '{"n":%d}\n' 1 2 3 4 5 6 7 >"$DIR/in"
printf '{"was":"there"}' >"$DIR/left"
send --retry --batch 1 --run r --unacked "$DIR/left" --acked "$DIR/acked" "$DIR/in"
is "$STATUS" 65 'status 65: some were refused for good'
is "$(received)" 7 'each was sent once'
is "$(report events_given_up)" 3 'those are counted'
is "$(cat "$DIR/left")" '{"was":"there"}
{"n":2,"id":"r-000000002"}
{"n":3,"id":"r-000000003"}
{"n":4,"id":"r-000000004"}' 'and added to a file'
like "$ERR" 'refused with 413: no' 'the reason is told'
like "$ERR" '3 events were given up, they are in .*/left' 'and where they are'
is "$(report requests_mismatched)" 1 'what is accepted in part is not sent again'
is "$(wc -l <"$DIR/acked")" 3 'the others are listed'
stop server
server_start
send --retry "$DIR/left"
is "$STATUS" 0 'what was given up can be sent later'
is "$(report events_acknowledged)" 4 'all of it'

# What is too large for a server goes in parts; what is alone, nowhere.
stop server
: >"$DIR/server/times"
server_start 'length($body) > 300 ? answer(413, "large") : ok($events)'
seq -f '{"n":%g,"pad":"0123456789"}' 20 >"$DIR/in"
sed -i "s/{\"n\":7,/&\"more\":\"$(printf '%0300d' 0)\",/" "$DIR/in"
send --retry --batch 50 --run p --unacked "$DIR/large.left" \
	--acked "$DIR/acked" "$DIR/in"
is "$STATUS" 65 'status 65: one line is too large'
is "$(cut -c -7 "$DIR/large.left")" '{"n":7,' 'which is given up, and no other'
is "$(report events_given_up) $(report refused.413)" '1 1' 'and counted'
is "$(sed 's/p-0*//' "$DIR/acked" | paste -s -d ' ')" \
	'1 2 3 4 5 6 8 9 10 11 12 13 14 15 16 17 18 19 20' 'in order'
is "$(report requests_acknowledged) $(report events_acknowledged)" '1 19' \
	'the request is one'
like "$ERR" 'refused with 413, sent again in parts: large' 'that is told'
num "$(wc -l <"$DIR/server/times")" -lt 15 'by halves, not line by line'
send --retry --batch 50 --run p <(grep -v '"n":7,' "$DIR/in")
is "$STATUS $(report events_acknowledged)" '0 19' 'all in parts is a success'

# A 2xx of somebody else: nothing says that a line came anywhere.
stop server
server_start '$n == 1 ? answer(200, "<html>Maintenance</html>") :
	$n == 2 ? answer(200, "{\"accepted\":1}") :
	answer(200, "{\"accepted\":1,\"rejected\":1}")'
printf '{"n":%d}\n' 1 2 3 4 5 6 >"$DIR/in"
send --retry --batch 2 --run o --unacked "$DIR/other.left" "$DIR/in"
is "$STATUS" 65 'a 2xx that tells of no events is a failure'
is "$(cut -c 6 "$DIR/other.left" | tr -d '\n')" 1234 \
	'and its lines are kept, as where it tells of too few'
is "$(report events_given_up)" 4 'and counted'

# Nobody there: it stops reading, and ends when nothing more can come.
stop server
mkfifo "$DIR/pipe"
start away logsend --url "$URL" --retry --report json --run a --drain 1s \
	--batch 5 --connections 2 --unacked "$DIR/away.left" "$DIR/pipe"
start writer bash -c 'seq -f "{\"n\":%g}" 400000 >"$1"' sh "$DIR/pipe"
ok 'without a server' wait_log away 'cannot connect .*refused'
not_ok 'whoever writes has to wait' wait_exit writer 1
num "$(awk '/^VmHWM/ {print $2}' "/proc/$(pid away)/status")" -lt 200000 \
	'nothing piles up in memory'
ok 'it does not end by itself' alive away
kill_group writer
ok 'when the writer has gone it gives up' wait_exit away
is "$STATUS" 75 'status 75'
OUT=$(cat "$DIR/away.out")
given_up=$(wc -l <"$DIR/away.left")
num "$given_up" -gt 10 'what was read is in the file'
is "$(report events_given_up)" "$given_up" 'and counted'
is "$(grep -o '"id":"a-[0-9]*"' "$DIR/away.left" | sort -u | wc -l)" \
	"$given_up" 'once each'

# A signal: what the pipe holds is sent, or given up.
server_start
: >"$DIR/server/bodies"
start slow logsend --url "$URL" --retry --report json --run s --rate 2 --batch 2 \
	"$DIR/pipe"
exec 7>"$DIR/pipe"
printf '{"n":%d}\n' 1 2 3 4 5 >&7
printf '{"half":' >&7
ok 'it sends' wait_for has_received 2
ok 'a signal ends it' stop slow
OUT=$(cat "$DIR/slow.out")
is "$STATUS" 0 'with success'
is "$(report events_acknowledged)" 6 \
	'when what it had read is sent, though not due yet, and acknowledged'
like "$(tail -n 1 "$DIR/server/bodies")" '"message":"\{\\"half\\":"' \
	'to the last byte'
stop server
start gone logsend --url "$URL" --retry --report json --run g --drain 300ms \
	--batch 2 --unacked "$DIR/gone.left" "$DIR/pipe"
ok 'without a server' wait_log gone 'cannot connect'
printf '{"n":%d}\n' 1 2 3 4 5 >&7
ok 'a signal ends it' stop gone
is "$STATUS" 75 'with a failure'
is "$(cut -c 6 "$DIR/gone.left" | tr -d '\n')" 12345 'and all that it had read is kept'
exec 7>&-

# Of a file all is kept that was not acknowledged, and not only what was read.
seq -f '{"n":%g}' 30000 >"$DIR/in"
send --retry --drain 200ms --unacked "$DIR/file.left" "$DIR/in"
is "$STATUS $(report events_given_up)" '75 30000' 'a file is given up'
is "$(grep -c '^{"n":' "$DIR/file.left")" 30000 'and is in the other to its end'

# Made-up events are sent again, too.
stop server
server_start '$n % 3 ? ok($events) : answer(503, "{}")'
send --retry --rate 500 --count 60 --connections 8 --run m --acked "$DIR/acked"
is "$STATUS" 0 'made-up events at a rate'
is "$(sort -u "$DIR/acked" | wc -l)" 60 'are all acknowledged in the end'
run logsend --unacked "$DIR/left" --count 1
is "$STATUS" 64 'nothing is given up without --retry'
ln -s left "$DIR/other"
run logsend --retry --unacked "$DIR/other" "$DIR/left"
is "$STATUS" 64 'what is read is not added to, by whatever name'
run logsend --acked "$DIR/other" "$DIR/left"
is "$STATUS $(wc -l <"$DIR/left")" '64 4' 'and not emptied'
done_testing
