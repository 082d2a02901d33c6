#!/usr/bin/env bash
# A second signal ends everything at once, a tool that will not stop is killed,
# and after a kill -9 of pipeline.sh itself, or of a part of it, the tools stop
# too.
. "$(dirname "$0")/../lib.sh"

mkdir "$DIR/bin"
for tool in logrecv logbatch logload; do
	cat >"$DIR/bin/$tool" <<-'SH'
		#!/bin/sh
		# Deaf to signals.
		[ "${1:-}" != --once ] || [ -n "${DEAF_ONCE:-}" ] || exit 0
		trap '' TERM INT
		echo "${0##*/}" >>"$LOG"
		while :; do sleep 1; done
	SH
	chmod +x "$DIR/bin/$tool"
done
export LOG=$DIR/starts PIPELINE_BIN=$DIR/bin

begin() {
	: >"$LOG"
	start pipeline "$TOP/pipeline.sh"
	wait_for all_run || give_up 'not all tools were started'
}

all_run() {
	[ "$(sort -u "$LOG" | wc -l)" -eq 3 ]
}

nothing_runs() {
	! pgrep -f "$DIR/bin/" && ! pgrep -f "$TOP/pipeline.sh.*" -g "$group"
}

spool_new
export SPOOL PIPELINE_GRACE=60s

begin
group=$(pid pipeline)
kill -TERM "$group"
ok 'it waits for its tools' wait_log pipeline 'info pipeline: stopping'
kill -TERM "$group"
ok 'a second signal ends it' wait_exit pipeline 3
is "$STATUS" 143 'as one that was killed'
ok 'and all the tools' wait_for -t 3 nothing_runs

# Whatever it was just starting.
nap=0
for _ in 1 2 3 4 5 6 7 8; do
	nap=$((nap + 1))
	start pipeline "$TOP/pipeline.sh"
	group=$(pid pipeline)
	wait_log pipeline 'info pipeline: starting'
	sleep ".00$nap"
	kill -TERM "$group"
	kill -HUP "$group"
	wait_exit pipeline 5 || give_up 'two signals at once do not end it'
	wait_for -t 5 nothing_runs || give_up "$(pgrep -a -g "$group")"
done
pass 'two signals at once leave nothing behind'

PIPELINE_GRACE=1s
begin
group=$(pid pipeline)
stop pipeline
is "$STATUS" 0 'deaf tools are killed after the grace'
ok 'all of them' wait_for -t 3 nothing_runs

export DEAF_ONCE=1 PIPELINE_DRAIN=1s
begin
group=$(pid pipeline)
stop pipeline
is "$STATUS" 0 'and so is a deaf loader at the end'
like "$(log_since pipeline)" 'not all is loaded: the rest waits in' \
	'which it says'
ok 'nothing is left' wait_for -t 3 nothing_runs
unset DEAF_ONCE

for tool in logrecv logbatch logload; do
	sed -i "s/^\ttrap .*\|^trap .*/trap 'exit 0' TERM/" "$DIR/bin/$tool"
done
begin
group=$(pid pipeline)
kill_hard pipeline
ok 'after kill -9 of pipeline.sh its tools stop' wait_for -t 5 nothing_runs

# Its subshells: a supervisor of each tool, and the monitor.
for part in 1 2 3 4; do
	begin
	group=$(pid pipeline)
	is "$(pgrep -P "$group" | wc -l)" 4 'pipeline.sh has four parts'
	kill -KILL "$(pgrep -P "$group" | sed -n "${part}p")"
	ok "without part $part it ends" wait_exit pipeline 20
	is "$STATUS" 70 'and says so'
	ok 'after all tools' wait_for -t 5 nothing_runs
done
begin
pass 'and it starts anew on the same spool'
stop pipeline
is "$STATUS" 0 'and stops'
is "$(find "${TMPDIR:-/tmp}" -maxdepth 2 -name events -newer "$LOG" 2>/dev/null)" \
	'' 'no temporary file is left'
done_testing
