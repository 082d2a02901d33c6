#!/usr/bin/env bash
# A second signal ends everything at once, a tool that will not stop is killed,
# and after a kill -9 of pipeline.sh itself the tools stop too.
. "$(dirname "$0")/../lib.sh"

mkdir "$DIR/bin"
for tool in logrecv logbatch logload; do
	cat >"$DIR/bin/$tool" <<-'SH'
		#!/bin/sh
		# Deaf to signals.
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

export PIPELINE_GRACE=1s PIPELINE_DRAIN=1s
begin
group=$(pid pipeline)
stop pipeline
is "$STATUS" 0 'deaf tools are killed after the grace'
like "$(log_since pipeline)" 'stopped tool=logload status=137' 'which it says'
ok 'all of them' wait_for -t 3 nothing_runs

for tool in logrecv logbatch logload; do
	sed -i "s/^\ttrap .*\|^trap .*/trap 'exit 0' TERM/" "$DIR/bin/$tool"
done
begin
group=$(pid pipeline)
kill_hard pipeline
ok 'after kill -9 of pipeline.sh its tools stop' wait_for -t 5 nothing_runs

# Its only child beside the tools is the sleep that it waits for.
begin
group=$(pid pipeline)
sleeps() {
	sleeper=$(pgrep -P "$group" -x sleep)
}
sleeps_anew() {
	sleeps && [ "$sleeper" != "$before" ]
}
ok 'it sleeps' wait_for sleeps
before=$sleeper
kill -KILL "$before"
ok 'once that is killed it sleeps anew' wait_for sleeps_anew
is "$(pgrep -P "$group" | wc -l)" 4 'with all tools'
stop pipeline
is "$STATUS" 0 'and stops as told'
ok 'nothing is left' wait_for -t 5 nothing_runs

# One signal, whatever it was just starting, by each of the shells.
for tool in logrecv logbatch logload; do
	printf '#!/bin/sh\nexec sleep 1%s\n' $$ >"$DIR/bin/$tool"
done
no_tool_runs() {
	! pgrep -f "^sleep 1$$\$"
}
for shell in sh bash; do
	for nap in 0 1 2 3 4 5 6 7 8 9; do
		start pipeline "$shell" "$TOP/pipeline.sh"
		wait_log pipeline 'info pipeline: starting'
		sleep ".0$nap"
		kill -TERM "$(pid pipeline)"
		wait_exit pipeline 5 || give_up "$shell: a signal is lost"
		[ "$STATUS" -eq 0 ] || break
	done
	is "$STATUS" 0 "$shell: no signal is lost"
	ok "$shell: no tool is left" wait_for -t 3 no_tool_runs
done
done_testing
