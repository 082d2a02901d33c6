#!/usr/bin/env bash
#
# A server that dies costs the requests in flight; what is due meanwhile is
# sent, late, when it is back.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

server_start '$n == 5 ? () : ok($events)'
start logsend logsend --url "$URL" --report json --rate 100 --duration 3s \
	--connections 4 --timeout 20s --drain 20s --acked "$DIR/acked" --run r
ok 'it sends' wait_for has_received 50
kill_hard server
ok 'it says that the server has gone' \
	wait_log logsend 'cannot connect to 127.0.0.1 port .*refused'
server_restart 'ok($events)'
ok 'it ends by itself' wait_exit logsend
OUT=$(cat "$DIR/logsend.out")
is "$STATUS" 75 'the exit status tells of what was lost'
is "$(report requests_sent)" 300 'everything that was due was sent'
num "$(report failed.closed)" -ge 1 'what was in flight is lost'
num "$(report failed.closed)" -le 4 'and nothing else'
num "$(report connects_failed)" -ge 1 'failed attempts to connect are counted'
is "$(report requests_acknowledged)" \
	$((300 - $(report requests_failed))) 'the rest is acknowledged'
is "$(wc -l <"$DIR/acked")" "$(report requests_acknowledged)" \
	'and listed'
is "$(sed 's/.*"id":"\([^"]*\)".*/\1/' "$DIR/server/bodies" | sort |
	uniq -d)" '' 'nothing was sent twice'
done_testing
