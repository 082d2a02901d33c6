#!/usr/bin/env bash
# logbatch --once hands every buffer file over whatever its size and age, and
# its exit status says whether that worked.
. "$(dirname "$0")/../lib.sh"

name() {
	date -u "+%Y%m%dT%H%M%S.%6NZ-test-1-$1.ndjson"
}

spool_new
run logbatch --once --spool "$SPOOL"
is "$STATUS" 0 'an empty spool is no failure'

for i in 1 2 3; do
	echo '{"a":1}' >"$SPOOL/buffer/$(name "$i")"
done
: >"$SPOOL/buffer/$(name 4)"
run logbatch --once --spool "$SPOOL"
is "$STATUS" 0 'files are handed over'
is "$(files ready)" 3 'all of them'
is "$(files buffer)" 0 'an empty one is removed'
is "$(metric logbatch 'logbatch_files_rotated_total{cause="once"}')" 3 \
	'the metrics say so'

# More than the table of files holds at a time.
(
	cd "$SPOOL/buffer" || exit
	for i in $(seq 5000); do
		echo 1 >"20260101T000000.000000Z-test-1-$i.ndjson"
	done
)
run logbatch --once --spool "$SPOOL" --log-level=warn
is "$STATUS" 0 'five thousand files'
is "$(files ready)" 5003 'all of them'

# What cannot be handed over: a file of that name is there already.
twin=$(name 5)
echo '{"a":1}' >"$SPOOL/ready/$twin"
echo '{"a":2}' >"$SPOOL/buffer/$twin"
echo '{"a":3}' >"$SPOOL/buffer/$(name 6)"
run logbatch --once --spool "$SPOOL"
is "$STATUS" 74 'one that cannot be handed over: status 74'
like "$ERR" "rename .*buffer/$twin to .*ready/$twin: File exists" \
	'which its message names'
is "$(cat "$SPOOL/ready/$twin")" '{"a":1}' 'nothing is overwritten'
is "$(files buffer)" 1 'the others are handed over'
done_testing
