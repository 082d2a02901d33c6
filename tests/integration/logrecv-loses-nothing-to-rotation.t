#!/usr/bin/env bash
# While logbatch takes the files away under load: every acknowledged event is
# in exactly one file, once, and no file in ready/ ever grows.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# note_sizes: writes down each file in ready/ that is new; then one that has
# another size than noted is said to have grown
note_sizes() {
	find "$SPOOL/ready" -name '*.ndjson' -printf '%f %s\n' |
		awk -v noted="$DIR/sizes" '
			BEGIN {
				while ((getline line < noted) > 0) {
					split(line, f, " ")
					size[f[1]] = f[2]
				}
			}
			!($1 in size) { print >>noted; next }
			size[$1] != $2 { print $0 " was " size[$1] }' \
			>>"$DIR/grown"
}

spool_new
logrecv_start --workers=3
logbatch_start --max-size=30kB --max-age=200ms
: >"$DIR/sizes"
start logsend logsend --url="$URL/log" --rate=0 --duration=2s --connections=32 \
	--batch=3 --acked="$DIR/acked" --quiet
polls=0
while alive logsend; do
	note_sizes
	polls=$((polls + 1))
done
wait_exit logsend
is "$STATUS" 0 'all of the load was acknowledged'
stop logrecv
is "$STATUS" 0 'logrecv ends with status 0'
run logbatch --spool="$SPOOL" --once
is "$(files buffer)" 0 'nothing is left in buffer/'
stop logbatch
note_sizes
is "$(cat "$DIR/grown")" '' 'no file in ready/ grew'

sort "$DIR/acked" >"$DIR/acked.sorted"
spool_lines ready | sed -n 's/.*"id":"\([^"]*\)".*/\1/p' | sort \
	>"$DIR/stored.sorted"
num "$(wc -l <"$DIR/acked")" -ge 1000 "acknowledged: $(wc -l <"$DIR/acked")"
num "$(files ready)" -ge 20 "files: $(files ready), looked at $polls times"
is "$(comm -23 "$DIR/acked.sorted" "$DIR/stored.sorted" | wc -l)" 0 \
	'every acknowledged event is in a file'
is "$(uniq -d "$DIR/stored.sorted" | wc -l)" 0 'and in no other'
is "$(spool_lines ready | grep -cv '"@received_at":"[^"]*"}$')" 0 \
	'each line is whole'
done_testing
