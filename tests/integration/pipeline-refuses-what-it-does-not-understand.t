#!/usr/bin/env bash
# Its command line, its settings, and tools that refuse theirs: a typo ends it
# with status 64 instead of being repeated for ever.
. "$(dirname "$0")/../lib.sh"

spool_new
export SPOOL
run "$TOP/pipeline.sh" --help
is "$STATUS" 0 '--help succeeds'
for variable in SPOOL PIPELINE_DRAIN PIPELINE_GRACE PIPELINE_RESTART_MIN \
	PIPELINE_RESTART_MAX PIPELINE_BIN; do
	like "$OUT" "$variable" "the help names $variable"
	like "$(cat "$TOP/cmd/pipeline/pipeline.sh.8")" "$variable" \
		"so does the manual"
done
export PIPELINE_BIN=$BUILD
run "$TOP/pipeline.sh" --version
is "$STATUS" 0 '--version succeeds'
like "$OUT" '^pipeline.sh [0-9]' 'and names it'
run "$TOP/pipeline.sh" --verison
is "$STATUS" 64 'an unknown option: usage'
for wrong in soon -1 1.5s 5x 9999999; do
	run env "PIPELINE_DRAIN=$wrong" "$TOP/pipeline.sh"
	is "$STATUS" 64 "PIPELINE_DRAIN=$wrong: usage"
	like "$ERR" 'PIPELINE_DRAIN' 'which is named'
done
run env PIPELINE_DRIAN=5s PIPELINE_EMPTY= "$TOP/pipeline.sh"
like "$STATUS $ERR" '^64 .*pipeline: PIPELINE_DRIAN: there is no such option' \
	'one that is no option: usage'
cp "$TOP/pipeline.sh" "$DIR/"
run env TEXT=$'of two lines,\nPIPELINE_DRIAN=5s' PIPELINE_BIN="$DIR" \
	PATH=/usr/bin:/bin "$DIR/pipeline.sh"
is "$STATUS" 78 'a tool that is not there: configuration'
like "$ERR" 'logrecv is not found' 'which is named'
run env SPOOL=/proc/no/spool "$TOP/pipeline.sh"
is "$STATUS" 74 'a spool that cannot be made: I/O'

run env LOGBATCH_MAX_SIZE=ten "$TOP/pipeline.sh"
is "$STATUS" 64 'a tool that refuses its options ends it: usage'
like "$ERR" 'error pipeline: logbatch refuses its options' 'said loudly'
like "$ERR" 'LOGBATCH_MAX_SIZE' 'with the reason'

done_testing
