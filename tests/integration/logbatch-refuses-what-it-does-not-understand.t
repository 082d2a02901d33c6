#!/usr/bin/env bash
# The exit codes of its command line, and of a spool that cannot be used.
. "$(dirname "$0")/../lib.sh"

spool_new
run logbatch --help
is "$STATUS" 0 '--help succeeds'
like "$OUT" '--max-size=SIZE' 'on standard output'
run logbatch --version
is "$STATUS" 0 '--version succeeds'
like "$OUT" '^logbatch [0-9]' 'and names it'
run logbatch
is "$STATUS" 64 'without --spool: usage'
like "$ERR" '--spool is missing' 'which it says'
for wrong in --max-size=0 --max-size=ten --max-age=0 --max-age=1y --no-such \
	--log-level=loud argument; do
	run logbatch --spool "$SPOOL" "$wrong"
	is "$STATUS" 64 "$wrong: usage"
done
LOGBATCH_MAX_AGE=soon run logbatch --spool "$SPOOL" --once
is "$STATUS" 64 'a wrong variable: usage'
like "$ERR" LOGBATCH_MAX_AGE 'which it names'
run env LOGBATCH_SPOOL="$SPOOL" LOGBATCH_ONCE=yes logbatch
is "$STATUS" 0 'variables stand for options'
run logbatch --once --spool "$DIR/no/such/directory"
is "$STATUS" 74 'a spool that cannot be made: I/O'
run logbatch --once --spool "$DIR/.run.out"
is "$STATUS" 74 'a spool that is a file: I/O'

logbatch_start --max-age=30s
wait_log logbatch ' ready '
mv "$SPOOL/buffer" "$SPOOL/elsewhere"
ok 'its directories are taken away: it ends' wait_exit logbatch 5
is "$STATUS" 74 'with I/O, to be started again'
done_testing
