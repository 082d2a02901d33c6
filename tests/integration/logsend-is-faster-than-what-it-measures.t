#!/usr/bin/env bash
#
# 100,000 events a second in batches of 100 take far less than half a core.
# alone: CPU time under load
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

if nm "$BUILD/logsend" 2>/dev/null | grep -qE '__(asan|tsan)_init'; then
	skip_all 'a sanitizer makes it slow'
fi
server_start
TIMEFORMAT='%U %S'
used=$( { time logsend --url "$URL" --rate 1000 --batch 100 --duration 3s \
	--report json --acked "$DIR/acked" >"$DIR/report"; } 2>&1 | tail -n 1)
OUT=$(cat "$DIR/report")
is "$(report events_acknowledged)" 300000 'all events are acknowledged'
is "$(wc -l <"$DIR/acked")" 300000 'and listed'
is "$(report held)" true 'the rate was held'
note "seconds of CPU, user and system, for 3 s: $used"
num "$(awk '{print int(($1 + $2) * 1000)}' <<<"$used")" -lt 1500 \
	'in less than half a core'
done_testing
