#!/usr/bin/env bash
# The health check of a container that runs the pipeline: a database that is away
# is waited for, and the intake goes on; one that refuses, or a tool that dies, is
# nothing that passes.
. "$(dirname "$0")/../lib.sh"

export LOGRECV_LISTEN=127.0.0.1:0 PIPELINE_DRAIN=0 PIPELINE_BIN="$BUILD"

health() {
	run env LOGRECV_ADMIN_LISTEN="$operators" "$TOP/cmd/pipeline/pipeline-health" "$(pid pipeline)"
	[ "$STATUS" -eq 0 ]
}
# says ERE: it fails, and so
says() {
	! health && [[ $OUT =~ $1 ]]
}
tool() {
	pgrep --exact --parent "$(pid pipeline)" "$1"
}
another() {
	new=$(tool logload) && [ "$new" != "$old" ]
}
restart() { # URL PAUSE
	! alive pipeline || stop pipeline
	spool_new
	SPOOL=$SPOOL LOGLOAD_DB=$1 PIPELINE_RESTART_MIN=$2 PIPELINE_RESTART_MAX=$2 \
		start pipeline "$TOP/pipeline.sh"
	wait_log pipeline 'listening for operators' || give_up 'no logrecv'
	operators=$(log_since pipeline | sed -n 's/.*operators address=//p')
}

# Nobody listens there.
restart mysql://logs@127.0.0.1:1/logs 1000s
ok 'the database is away' wait_log pipeline 'logload: the database is away'
ok 'which is no fault of the pipeline' wait_for health
kill -s KILL "$(tool logrecv)"
ok 'logrecv is gone' wait_for says '^logrecv does not answer$'

sqlite3 "$DIR/db" 'CREATE TABLE logs (other INTEGER)'
restart "sqlite:$DIR/db" 1000s
ok 'the database refuses' wait_for says '^the database refuses what only a human'

restart "sqlite:$DIR/other" 1000s
ok 'all is well' wait_for health
kill -s KILL "$(tool logload)"
ok 'logload is gone' wait_for says '^logload does not run$'
restart "sqlite:$DIR/other" 1s
wait_for tool logload
for n in 1 2 3; do
	old=$(tool logload)
	kill -s KILL "$old"
	ok "logload is there again, $n" wait_for another
done
ok 'for how long?' wait_for says '^logload was started again 3 times, '
stop pipeline
done_testing
