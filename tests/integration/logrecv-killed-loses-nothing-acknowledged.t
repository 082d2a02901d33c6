#!/usr/bin/env bash
# kill -9 under load, several times: every event that was acknowledged before
# is in the files, whole, and the next start goes on with new ones.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

spool_new
: >"$DIR/acked"
acked() {
	[ "$(wc -l <"$DIR/acked.$1")" -ge 300 ]
}
for round in 1 2 3 4 5; do
	NAME=recv$round logrecv_start --workers=2
	: >"$DIR/acked.$round"
	start "send$round" "$(dirname "$0")/logrecv-client" "$PORT" "$round" \
		"$DIR/acked.$round"
	ok "round $round: events are acknowledged" wait_for acked "$round"
	kill_hard "recv$round"
	wait_exit "send$round"
	cat "$DIR/acked.$round" >>"$DIR/acked"
done
sort "$DIR/acked" >"$DIR/acked.sorted"
stored | sed -n 's/^{"id":"\([^"]*\)","@received_at":"[^"]*"}$/\1/p' | sort \
	>"$DIR/stored.sorted"
note "acknowledged: $(wc -l <"$DIR/acked"), stored: $(stored | wc -l)"
is "$(comm -23 "$DIR/acked.sorted" "$DIR/stored.sorted" | wc -l)" 0 \
	'every acknowledged event is in a file'
is "$(uniq -d "$DIR/stored.sorted" | wc -l)" 0 'once'
num "$(files buffer)" -ge 5 'each start had files of its own'
run logbatch --spool="$SPOOL" --once
is "$STATUS $(files buffer)" '0 0' 'logbatch takes over what the dead have left'
done_testing
