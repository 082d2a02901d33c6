#!/usr/bin/env bash
# SIGTERM under load, several times: it ends in time with status 0, and every
# event that it acknowledged, to its last answer, is in the files.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

acked() {
	[ "$(wc -l <"$DIR/acked.$1")" -ge 300 ]
}

spool_new
for round in 1 2 3 4 5; do
	NAME=recv$round logrecv_start --workers=2
	: >"$DIR/acked.$round"
	start "send$round" "$(dirname "$0")/logrecv-client" "$PORT" "$round" \
		"$DIR/acked.$round"
	ok "round $round: events are acknowledged" wait_for acked "$round"
	began=$(now_ms)
	stop "recv$round"
	is "$STATUS" 0 '  SIGTERM ends it with status 0'
	num "$(($(now_ms) - began))" -le $((2000 * WAIT_SCALE)) '  at once'
	wait_exit "send$round"
	is "$STATUS" 0 '  its clients are not left waiting'
done
sort "$DIR"/acked.* >"$DIR/acked.sorted"
stored | sed -n 's/^{"id":"\([^"]*\)","@received_at":"[^"]*"}$/\1/p' | sort \
	>"$DIR/stored.sorted"
note "acknowledged: $(wc -l <"$DIR/acked.sorted"), stored: $(stored | wc -l)"
is "$(comm -23 "$DIR/acked.sorted" "$DIR/stored.sorted" | wc -l)" 0 \
	'every acknowledged event is in a file'
is "$(uniq -d "$DIR/stored.sorted" | wc -l)" 0 'once'
is "$(wc -l <"$DIR/stored.sorted")" "$(stored | wc -l)" 'each line is whole'
done_testing
