#!/usr/bin/env bash
#
# `tail -F app.log | logsend --retry -` is a shipper: it waits for a server that
# is not there yet, sends each line when it comes, JSON or not, and loses none
# when the server is killed.
# shellcheck disable=SC2016 # the code in quotes is for another shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

spool_new
PORT=$(tests_free_port)
server() {
	start logrecv logrecv --spool "$SPOOL" --listen "127.0.0.1:$PORT"
	wait_for tests_listens logrecv
}
has() {
	stored | grep -qF -e "$1"
}
URL=http://127.0.0.1:$PORT/log

mkfifo "$DIR/pipe"
start ship bash -c 'exec logsend --url "$1" --run r --retry --report json \
	--acked "$2/acked" - <"$2/pipe"' sh "$URL" "$DIR"
exec 7>"$DIR/pipe"
printf '%s\n' '{"early":1}' 'no JSON, "quoted"' >&7
ok 'it says that no server is there' \
	wait_log ship 'cannot connect to 127.0.0.1 port .*refused'
server 7>&- || give_up 'no server'
ok 'a line that came before the server is stored' wait_for has \
	'{"early":1,"id":"r-000000001","@received'
ok 'one that is no JSON object is a message' wait_for has \
	'{"message":"no JSON, \"quoted\"","id":"r-000000002","@received'

slowest=0
for i in 1 2 3 4 5; do
	before=$(now_ms)
	printf '{"id":"prompt %d"}\n' "$i" >&7
	wait_for has "\"prompt $i\"" || break
	took=$(($(now_ms) - before))
	[ "$took" -le "$slowest" ] || slowest=$took
done
num "$slowest" -lt $((2000 * WAIT_SCALE)) \
	'a line is stored as soon as it is written, and the next one'
printf '%s\n' '' '  indented' $'bytes \377' '{"id":null}' '{"id":{"a":1}}' \
	'[1]' '{"open":' >&7
for event in '{"message":"  indented"' $'{"message":"bytes \357\277\275"' \
	'{"id":null,' '{"id":{"a":1},' '{"message":"[1]"' \
	'{"message":"{\"open\":"'; do
	ok "stored: $event" wait_for has "$event"
done

# Killed amid the lines, twice.
perl -e '
	$| = 1;
	for (1 .. 12000) {
		printf "{\"id\":\"n%05d\",\"pad\":\"%s\"}\n", $_, "x" x 100;
		select(undef, undef, undef, 0.02) if $_ % 200 == 0;
	}
	print "the last one, without a line break"' >&7 &
writer=$!
for n in 2000 6000; do
	ok "line $n is stored" wait_for has "\"n0$n\""
	kill_hard logrecv
	server 7>&- || give_up 'no server'
done
wait "$writer"
exec 7>&-
ok 'when the writer has gone it ends' wait_exit ship
is "$STATUS" 0 'with success: all is acknowledged'
OUT=$(cat "$DIR/ship.out")
note "at a second attempt: $(report retries) requests"
is "$(report events_given_up)" 0 'nothing was given up'
is "$(report lines_unsendable)" 0 'or left out'
stored | grep -o '^{"id":"n[0-9]*' | sort -u >"$DIR/got"
is "$(wc -l <"$DIR/got")" 12000 'every line is stored'
is "$(sort -u "$DIR/acked" | grep -c '^n[0-9]')" 12000 'and listed'
ok 'and the last one, of which the line break was missing' \
	has '{"message":"the last one, without a line break"'
is "$(sort "$DIR/acked" | uniq -d | wc -l)" 0 'nothing is acknowledged twice'

# A spool that is full for a while: 503, and a time after which to come back.
stop logrecv
spool_new
mkdir -p "$SPOOL/ready"
head -c 200000 /dev/zero >"$SPOOL/ready/fills.ndjson"
start full logrecv --spool "$SPOOL" --listen "127.0.0.1:$PORT" \
	--spool-limit=100kB
wait_for tests_listens full || give_up 'no server'
start wait bash -c 'seq -f "{\"id\":\"f%g\"}" 50 | logsend --url "$1" --retry \
	--report json --batch 10 -' sh "$URL"
ok 'a full spool is told' wait_log wait 'refused with 503: .*--spool-limit'
rm "$SPOOL/ready/fills.ndjson"
ok 'when there is room it goes on' wait_exit wait
is "$STATUS" 0 'to the end, with success'
is "$(texts | tr -d '\n')" "$(seq -f '{"id":"f%g"}' 50 | tr -d '\n')" \
	'each line is stored once, in order: a 503 stores nothing'
done_testing
