#!/usr/bin/env bash
# Where a tool has no place for its metrics, which may be the fault of another
# user or of a full disk, it says so once and does its work. It takes the place
# as soon as there is one.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"

db_start
spool_new
all=(logrecv logbatch logload)
for tool in "${all[@]}"; do
	mkdir -p "$SPOOL/metrics/.$tool.prom.lock"
done
chmod 750 "$SPOOL" "$SPOOL/metrics"
logrecv_start
logbatch_start --max-age=100ms
logload_start
for i in 1 2; do
	ok "event $i is taken" send_event '{}'
	ok 'and becomes a row' wait_rows "$i"
done
URL=$ADMIN_URL http GET /metrics
like "$BODY" 'logrecv_events_total [0-9]' 'logrecv shows its metrics itself'
for tool in "${all[@]}"; do
	is "$(grep -c ' warn .*metrics' "$DIR/$tool.log")" 1 "$tool says it once"
	like "$(cat "$DIR/$tool.log")" \
		"create .*/metrics/.$tool.prom.lock: Is a directory" '  in words'
	rmdir "$SPOOL/metrics/.$tool.prom.lock"
done
written() { [ "$(find "$SPOOL/metrics" -name '*.prom' | wc -l)" = 3 ]; }
send_event '{}'
ok 'once there is a place, there are metrics' wait_for written
for tool in "${all[@]}"; do
	stop "$tool"
	is "$STATUS" 0 "$tool stops with status 0"
	is "$(grep -c ' warn .*metrics' "$DIR/$tool.log")" 1 '  and said nothing more'
done
done_testing
