#!/bin/sh
#
# pipeline.sh - runs logrecv, logbatch and logload on one host: starts them,
# starts again what dies, and on SIGTERM lets what was received reach the
# database before it ends. See pipeline.sh(8).
#
# Each tool has a supervisor, a subshell that does nothing but wait for it. A
# fourth one, the monitor, counts restarts for the metrics, and ends the rest
# should this shell be killed. All of them sleep in wait or read: nothing polls.
# Should one of the four be killed, its tool is told so by the kernel, and this
# shell ends the rest, so that nothing is left that nobody looks after.
#
# This shell tells its subshells what to do by signals that it does not trap
# itself: one of those could reach a subshell that has not yet got rid of its
# parent's traps, and be lost.
#
#   to a supervisor   USR2: stop your tool    ALRM: kill it
#   to an alarm       USR2: off               to the monitor   USR2: end
#   to this shell     USR1: a tool refuses its options
#
# A trap may interrupt another. dash(1) then gives the outer one, at its next
# command, the $? of before both, so that [ … ] || … goes the wrong way. What a
# trap calls therefore decides by case, and takes what may be taken once by one
# assignment.
set -u

usage() {
	cat <<'END'
Usage: pipeline.sh [--help | --version]

Runs logrecv, logbatch and logload on one spool, restarts what dies, and on
SIGTERM or SIGINT stops logrecv, hands over what is buffered, loads what is
left, and exits with status 0. A second signal ends everything at once.

Settings are variables:
  SPOOL                 the spool [/var/spool/logs]
  PIPELINE_DRAIN        how long to load what is left at the end; 0: do not
                        [20s]
  PIPELINE_GRACE        how long a tool may take to stop before it is killed
                        [10s]
  PIPELINE_RESTART_MIN  first pause before a tool is started again; it doubles
                        up to PIPELINE_RESTART_MAX, and starts anew once the
                        tool has run for a minute [1s]
  PIPELINE_RESTART_MAX  [30s]
  PIPELINE_BIN          directory of the tools; by default they are looked for
                        in build/ beside this script, beside it, and in PATH
  LOGRECV_*, LOGBATCH_*, LOGLOAD_*
                        options of the tools: LOGLOAD_DB for logload --db, …
END
}

# --- messages

# The tools' stamps have microseconds, which not every date(1) can tell.
case $(date +%6N) in
*[!0-9]* | '') stamp='+%Y-%m-%dT%H:%M:%S.000000Z' ;;
*) stamp='+%Y-%m-%dT%H:%M:%S.%6NZ' ;;
esac

# log LEVEL TEXT...
log() {
	level=$1
	shift
	printf '%s %s pipeline: %s\n' "$(date -u "$stamp")" "$level" "$*" >&2
}

# fail STATUS TEXT...
fail() {
	code=$1
	shift
	log error "$@"
	exit "$code"
}

# --- waiting for processes

# await PID: until it has ended; sets status. A signal that we trap interrupts
# wait, so ask whether it still runs.
await() {
	while :; do
		# Some shells say there how it ended.
		wait "$1" 2>/dev/null
		status=$?
		[ "$status" -gt 127 ] || return 0
		kill -0 "$1" 2>/dev/null || break
	done
	# It ended just when a signal came: its own status is still to be had.
	wait "$1" 2>/dev/null
	set -- $?
	[ "$1" -eq 127 ] || status=$1
}

# alarm PID SECONDS SIGNAL [SECONDS SIGNAL]: to be run in a subshell
alarm() {
	target=$1 nap='' off=''
	shift
	trap 'off=1; kill "$nap" 2>/dev/null' USR2
	while [ $# -gt 1 ]; do
		sleep "$1" &
		nap=$!
		# It may have come before $nap was known.
		[ -z "$off" ] || kill "$nap" 2>/dev/null
		wait "$nap" 2>/dev/null
		[ -z "$off" ] || return 0
		kill -s "$2" "$target" 2>/dev/null
		shift 2
	done
}

call_off() {
	kill -s USR2 "$timer" 2>/dev/null
	await "$timer"
	timer=
}

# within SECONDS COMMAND...: TERM when the time is up, KILL a little later.
within() {
	limit=$1
	shift
	starting=1
	"$@" 9>&- &
	child=$!
	{ exec 9>&- && alarm "$child" "$limit" TERM 5 KILL; } &
	timer=$!
	started
	await "$child"
	result=$status
	child=
	call_off
	return "$result"
}

# --- the supervisor of one tool

# supervise TOOL: restarts it until it is told to stop.
supervise() {
	tool=$1 child='' stop='' told='' delay=$restart_min runs=0 ended=none
	trap : HUP # of a terminal, to all of us: the main shell sees to it
	trap 'stop=${stop:-TERM}; tell_child' USR2
	trap 'stop=KILL; tell_child' ALRM
	while [ -z "$stop" ]; do
		began=$(date +%s)
		runs=$((runs + 1))
		# shellcheck disable=SC2086 # words
		run_child $detach "$(tool_path "$tool")"
		ended=$status
		[ -z "$stop" ] || break
		[ $(($(date +%s) - began)) -lt 60 ] || delay=$restart_min
		explain_end
		[ -z "$stop" ] || break
		run_child sleep "$delay"
		delay=$((delay * 2))
		[ "$delay" -le "$restart_max" ] || delay=$restart_max
		[ -z "$stop" ] || break
		# Opened for reading too, so that it cannot block for want of
		# a reader; the limit is for a full pipe that nobody empties.
		# shellcheck disable=SC2016
		timeout 5 sh -c 'echo "$1" 1<>"$2"' - "$tool" "$state/events"
	done
	log info "stopped tool=$tool status=$ended"
}

# Each signal once: a second TERM would mean "at once" to a tool.
tell_child() {
	case $child:$told in
	:* | *:"$stop") return ;;
	esac
	told=$stop
	kill -s "$stop" "$child" 2>/dev/null
}

# run_child COMMAND...: to its end; the traps reach it through $child. It must
# not be born with a trap for TERM, which could swallow the one we send.
run_child() {
	trap - TERM
	"$@" &
	child=$!
	trap 'stop=${stop:-TERM}; tell_child' TERM
	# A signal that came before $child was known has not reached it.
	[ -z "$stop" ] || tell_child
	await "$child"
	child=
}

explain_end() {
	facts="tool=$tool status=$ended"
	case $ended:$runs in
	64:1)
		log error "$tool refuses its options, see above: giving up $facts"
		stop=TERM
		kill -s USR1 "$main"
		;;
	78:*)
		log error "$tool cannot work with its configuration, see above:" \
			"correct it; trying again $facts delay_s=$delay"
		;;
	*)
		log warn "$tool ended: starting it again $facts delay_s=$delay"
		;;
	esac
}

# --- the monitor

write_metrics() {
	{
		echo '# HELP pipeline_restarts_total Starts of a tool after its first one.'
		echo '# TYPE pipeline_restarts_total counter'
		echo "pipeline_restarts_total{tool=\"logrecv\"} $logrecv_restarts"
		echo "pipeline_restarts_total{tool=\"logbatch\"} $logbatch_restarts"
		echo "pipeline_restarts_total{tool=\"logload\"} $logload_restarts"
	} >"$SPOOL/metrics/.pipeline.prom.tmp" &&
		mv -f "$SPOOL/metrics/.pipeline.prom.tmp" \
			"$SPOOL/metrics/pipeline.prom"
}

# Reads a line for each restart. End of file: the main shell, which alone
# holds the pipe open, was killed; end what it has started.
monitor() {
	logrecv_restarts=0 logbatch_restarts=0 logload_restarts=0
	trap '' HUP INT TERM
	write_metrics
	while read -r name; do
		case $name in
		logrecv) logrecv_restarts=$((logrecv_restarts + 1)) ;;
		logbatch) logbatch_restarts=$((logbatch_restarts + 1)) ;;
		logload) logload_restarts=$((logload_restarts + 1)) ;;
		esac
		write_metrics
	done
	log error 'pipeline.sh was killed: stopping the tools'
	kill -s USR2 "$logrecv" "$logbatch" "$logload" 2>/dev/null
	rm -rf "$state"
}

# --- the main shell

# seconds NAME VALUE: prints 20 for 20 or 20s, 300 for 5m.
seconds() {
	number=${2%[sm]}
	case $number in
	'' | *[!0-9]* | ??????*)
		fail 64 "$1: '$2' is not a time like 20s or 5m"
		;;
	esac
	# Not as an octal number.
	while [ "${number#0?}" != "$number" ]; do number=${number#0}; done
	case $2 in
	*m) echo $((number * 60)) ;;
	*) echo "$number" ;;
	esac
}

read_settings() {
	: "${SPOOL:=${LOGRECV_SPOOL:-/var/spool/logs}}"
	: "${LOGRECV_SPOOL:=$SPOOL}" "${LOGBATCH_SPOOL:=$SPOOL}"
	: "${LOGLOAD_SPOOL:=$SPOOL}"
	export SPOOL LOGRECV_SPOOL LOGBATCH_SPOOL LOGLOAD_SPOOL
	drain=$(seconds PIPELINE_DRAIN "${PIPELINE_DRAIN:-20s}") || exit
	grace=$(seconds PIPELINE_GRACE "${PIPELINE_GRACE:-10s}") || exit
	restart_min=$(seconds PIPELINE_RESTART_MIN \
		"${PIPELINE_RESTART_MIN:-1s}") || exit
	restart_max=$(seconds PIPELINE_RESTART_MAX \
		"${PIPELINE_RESTART_MAX:-30s}") || exit
	[ "$restart_min" -gt 0 ] || restart_min=1
	# In a session of its own, a tool does not get a terminal's Ctrl-C
	# beside the TERM from us: two signals mean "at once". And one whose
	# supervisor was killed gets that TERM from the kernel.
	detach=
	! command -v setsid >/dev/null || detach=setsid
	! setpriv --pdeathsig TERM true 2>/dev/null ||
		detach="setpriv --pdeathsig TERM $detach"
}

# tool_path TOOL: prints where it is.
tool_path() {
	for directory in "${PIPELINE_BIN:-}" "$here/build" "$here"; do
		if [ -n "$directory" ] && [ -x "$directory/$1" ]; then
			printf '%s\n' "$directory/$1"
			return
		fi
	done
	command -v "$1"
}

# The traps call these, which shellcheck does not see.

# stop_all LEVEL TEXT: begins the end of logrecv, which main waits for: a flag
# alone could be set just before that wait, which would then sleep on. But not
# before all is started: it starts an alarm, and would change $! under the main
# shell's hands.
stop_all() {
	set -- "$((stopping += 1))" "$@"
	case $1 in
	1) shift ;;
	*) return ;;
	esac
	log "$@"
	case $monitor in
	?*) begin_end "$logrecv" ;;
	esac
}

# shellcheck disable=SC2317
on_signal() {
	case $((signals += 1)):$starting in
	1:* | *:1) ;;
	*) at_once ;;
	esac
	stop_all info 'stopping'
}

# What was begun with starting=1 can be stopped: its process is known.
started() {
	starting=
	case $signals in
	0 | 1) ;;
	*) at_once ;;
	esac
}

# Some child has ended: one of the four, that nobody has told to? Only kill's
# status can tell, and if this was interrupted that is not to be trusted: but
# then the other trap has looked itself, or has begun the end.
on_child() {
	set -- "$((looks += 1))"
	for part in $logrecv $logbatch $logload $monitor; do
		kill -0 "$part" 2>/dev/null && continue
		case $stopping:$looks in
		"0:$1")
			lost=1
			stop_all error 'a part of pipeline.sh was killed: stopping'
			;;
		esac
		return
	done
}

# shellcheck disable=SC2317
at_once() {
	log warn 'stopped at once: what is left is loaded at the next start'
	for supervisor in $logrecv $logbatch $logload; do
		kill -s ALRM "$supervisor" 2>/dev/null
	done
	case $child in
	?*) kill -s KILL "$child" 2>/dev/null ;;
	esac
	case $timer in
	?*) kill -s USR2 "$timer" 2>/dev/null ;;
	esac
	leave 143
}

leave() {
	trap '' HUP INT TERM USR1
	trap - CHLD
	case $monitor in
	?*)
		kill -s USR2 "$monitor" 2>/dev/null
		await "$monitor"
		;;
	esac
	case $state in
	?*) rm -rf "$state" ;;
	esac
	exit "$1"
}

# begin_end PID: stops a supervisor and so its tool, killed after the grace.
begin_end() {
	kill -s USR2 "$1" 2>/dev/null
	starting=1
	{ exec 9>&- && alarm "$1" "$grace" ALRM; } &
	timer=$!
	started
}

end() {
	begin_end "$1"
	await "$1"
	call_off
}

drain() {
	if within "$grace" "$(tool_path logbatch)" --once; then
		end "$logload"
	else
		end "$logload"
		log warn 'some files stay in buffer, for the next start'
	fi
	[ "$drain" -gt 0 ] || return 0
	log info "loading what is left drain_s=$drain"
	within "$drain" "$(tool_path logload)" --once ||
		log warn "not all is loaded: the rest waits in $SPOOL/ready for the next start status=$result"
}

here=$(dirname -- "$(readlink -f -- "$0")")
case $#:${1:-} in
0:) ;;
1:--help)
	usage
	exit 0
	;;
1:--version)
	version=$("$(tool_path logbatch)" --version) ||
		fail 78 'logbatch is not found'
	echo "pipeline.sh ${version#* }"
	exit 0
	;;
*)
	usage >&2
	exit 64
	;;
esac

main=$$ stopping=0 signals=0 looks=0 refused='' lost='' child='' timer=''
state='' starting='' logrecv='' logbatch='' logload='' monitor=''
trap on_signal HUP INT TERM
trap 'refused=1; stop_all info stopping' USR1
trap on_child CHLD

read_settings
for tool in logrecv logbatch logload; do
	tool_path "$tool" >/dev/null ||
		fail 78 "$tool is not found: build it with make, or set PIPELINE_BIN"
done
(umask 027 && mkdir -p "$SPOOL/metrics") ||
	fail 74 "cannot make the spool $SPOOL"
state=$(mktemp -d) || fail 74 'cannot make a temporary directory'
mkfifo "$state/events" || fail 74 "cannot make a pipe in $state"
# Held open by this shell alone: its children close it. (A function's 9>&-
# would not do: the shell keeps a copy to restore it from.)
exec 9<>"$state/events"

[ "$stopping" -eq 0 ] || leave 0
log info "starting spool=$SPOOL pid=$$"
starting=1
{ exec 9>&- && supervise logrecv; } &
logrecv=$!
{ exec 9>&- && supervise logbatch; } &
logbatch=$!
{ exec 9>&- && supervise logload; } &
logload=$!
{ exec 9>&- <"$state/events" && monitor; } &
monitor=$!
started
# What stop_all has left to us, if it came early.
[ "$stopping" -eq 0 ] || [ -n "$timer" ] || begin_end "$logrecv"
await "$logrecv"
on_child # should nobody have seen it end
call_off
end "$logbatch"
if [ -n "$refused" ]; then
	end "$logload"
	leave 64
fi
drain
log info 'stopped'
[ -z "$lost" ] || leave 70
leave 0
