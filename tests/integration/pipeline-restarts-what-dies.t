#!/usr/bin/env bash
# A tool that ends is started again, after a pause that doubles; the others
# are left alone; the metrics count. Stand-ins take the tools' places, so that
# each end is the test's own.
. "$(dirname "$0")/../lib.sh"

mkdir "$DIR/bin"
for tool in logrecv logbatch logload; do
	cat >"$DIR/bin/$tool" <<-'SH'
		#!/bin/sh
		# Notes its start; ends as the file told it, or sleeps until TERM.
		tool=${0##*/}
		trap 'echo "$tool TERM ${LOGBATCH_DRAIN:-}${LOGLOAD_DRAIN:-}" >>"$LOG"
			exit 0' TERM
		echo "$tool $$ $(date +%s%3N)" >>"$LOG"
		[ ! -s "$ENDS/$tool" ] || exit "$(cat "$ENDS/$tool")"
		sleep 1000 &
		wait $!
		kill $!
	SH
	chmod +x "$DIR/bin/$tool"
done
mkdir "$DIR/ends"
export LOG=$DIR/starts ENDS=$DIR/ends PIPELINE_BIN=$DIR/bin

# starts TOOL: how often was it started?
starts() {
	grep -c "^$1 [0-9]" "$LOG"
}

started() {
	[ "$(starts "$1" 2>/dev/null)" -ge "$2" ]
}

# pause TOOL N: between its Nth start and the one before, ms
pause() {
	grep "^$1 [0-9]" "$LOG" | awk -v "n=$2" '
		NR == n - 1 { before = $3 } NR == n { print $3 - before }'
}

# last TOOL: the process id of its last start
last() {
	grep "^$1 [0-9]" "$LOG" | tail -n 1 | cut -d ' ' -f 2
}

counted() {
	[ "$(metric pipeline "pipeline_restarts_total{tool=\"$1\"}")" = "$2" ]
}

# Group and mode of a spool are its maker's; metrics/ is for a tool to make, that
# knows who is to share it.
spool_new
export SPOOL
mkdir "$SPOOL"
: >"$LOG"
echo 1 >"$ENDS/logload"
start pipeline "$TOP/pipeline.sh"
ok 'one that cannot start is tried again' wait_for started logload 3
num "$(pause logload 2)" -ge 1000 'after a second'
num "$(pause logload 3)" -ge 2000 'and then after two'
is "$(starts logrecv) $(starts logbatch)" '1 1' 'the others are left alone'
ok 'its log says so' wait_log pipeline \
	'warn pipeline: logload ended.*tool=logload status=1 delay_s=2'
rm "$ENDS/logload"
ok 'it runs when it can' wait_for started logload 4

kill -KILL "$(last logrecv)"
ok 'one that is killed is started again' wait_for started logrecv 2
ok 'its log names the status' wait_log pipeline 'tool=logrecv status=137'
not_ok 'it makes no metrics/' test -e "$SPOOL/metrics"
mkdir "$SPOOL/metrics"
ok 'where there is one, the metrics count it' wait_for counted logrecv 1
ok 'each for itself' counted logload 3
ok 'others have none' counted logbatch 0

echo 78 >"$ENDS/logbatch"
kill -KILL "$(last logbatch)"
ok 'wrong configuration is said loudly' wait_log pipeline \
	'error pipeline: logbatch cannot work with its configuration'
mv "$SPOOL" "$DIR/away"
before=$(starts logbatch)
ok 'and tried again' wait_for started logbatch $((before + 1))
rm "$ENDS/logbatch"
ok 'until it works' wait_for started logbatch $((before + 2))
mv "$DIR/away" "$SPOOL"
ok 'the metrics come when they can' wait_for counted logbatch $((before + 1))
mkdir "$SPOOL/metrics/.pipeline.prom.tmp"
before=$(starts logrecv)
kill -KILL "$(last logrecv)"
ok 'where they cannot be written its log says so' wait_log pipeline \
	'warn pipeline: cannot write .*/metrics/pipeline.prom'
ok 'and all run' wait_for started logrecv $((before + 1))
unlike "$(log_since pipeline)" "pipeline.sh: " 'the shell has said nothing'

: >"$LOG"
stop pipeline
is "$STATUS" 0 'SIGTERM ends it with status 0'
is "$(cat "$LOG")" 'logrecv TERM 
logbatch TERM yes
logload TERM 20' 'in the order that lets events through'
not_ok 'nothing is left running' pgrep -f "$DIR/bin/"

# 127 is also what `wait` says where it knows nothing; it is the status of a tool
# that lacks a library, or that an installer has just taken away.
for shell in sh bash; do
	: >"$LOG"
	echo 127 >"$ENDS/logload"
	start pipeline "$shell" "$TOP/pipeline.sh"
	ok "$shell: one that ends with 127 is tried again" \
		wait_for started logload 2
	ok "$shell: its log names the status" wait_log pipeline \
		'tool=logload status=127'
	wait_for started logrecv 1 || give_up 'logrecv is not started'
	kill -KILL "$(last logrecv)"
	ok "$shell: its log names that of a kill -9" wait_log pipeline \
		'tool=logrecv status=137'
	unlike "$(log_since pipeline)" 'pipeline.sh: ' "$shell: and nobody else"
	stop pipeline
	is "$STATUS" 0 "$shell: SIGTERM ends it with status 0"
	rm "$ENDS/logload"
done
done_testing
