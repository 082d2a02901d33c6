#!/usr/bin/env bash
# stderr: one line an event, with time, level and tool; whatever a client or a
# file's name holds, it forges no line and drives no terminal.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"

form='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z'
form="$form (error|warn|info|debug) (logrecv|logbatch|logload): [ -~]+\$"

spool_new
mkdir -p "$SPOOL/buffer" "$SPOOL/ready"
evil=$'x\n2026-01-01T00:00:00.000000Z error logrecv: forged\e[2J.ndjson'
echo '{"event":"a"}' >"$SPOOL/ready/$evil"
echo '{"event":"a"}' >"$SPOOL/buffer/$evil"
printf '{"event":"a"}\n\e[2J\n{"\e[2J' >"$SPOOL/ready/x.ndjson"
db_start
logrecv_start --log-level debug
logbatch_start --log-level debug --max-age 1s
logload_start --log-level debug
printf 'GET /\e[2J\r\nforged HTTP/1.1\r\n\r\n' | http_raw "$PORT" >/dev/null
printf 'GET /%%1b HTTP/1.1\r\nHost: \e[31m\r\n\r\n' | http_raw "$PORT" >/dev/null
post $'{"event":"\e[2J"}'
is "$CODE" 400 'a control character in an event is refused'
ok 'an event is taken' send_event '{"event":"\u001b[2J\nforged"}'
ok 'and loaded' wait_rows 1
ok 'a file of an evil name is left alone' test -e "$SPOOL/ready/$evil"
for tool in logload logbatch logrecv; do
	ok "$tool stops" stop "$tool"
	is "$STATUS" 0 "$tool: status 0"
	num "$(wc -l <"$DIR/$tool.log")" -gt 0 "$tool has logged something"
	is "$(grep -avE "$form" "$DIR/$tool.log")" '' "$tool: each line has the form"
	is "$(grep -ac '^2026-01-01' "$DIR/$tool.log")" 0 "$tool: none is forged"
	is "$(cat "$DIR/$tool.out")" '' "$tool: nothing on stdout"
done
done_testing
