#!/bin/sh
#
# pipeline.sh - runs logrecv, logbatch and logload on one host, starts again what
# dies, and on SIGTERM lets what was received reach the database. See its manual.
#
# One loop decides everything: it looks at each tool, starts or ends it, and
# sleeps until something is due, in hundredths of a second. Traps only take a
# note and kill that sleep, a child: one that runs just before `wait` leaves
# nothing to wait for.
# shellcheck disable=SC2016,SC2046,SC2086,SC2154,SC2173,SC3040
set -u
# Called sh, bash would let no child's end interrupt `wait`; any tells of a kill -9.
case ${BASH_VERSION:-} in ?*) set +o posix && trap : KILL ;; esac

usage() {
	cat <<'END'
Usage: pipeline.sh [--help | --version]
Runs logrecv, logbatch and logload, and restarts what dies. SIGTERM lets what was
received reach the database; a second one ends all at once. Settings:
  SPOOL                 the spool [/var/spool/logs]
  PIPELINE_DRAIN        how long to load what is left at the end [20s]
  PIPELINE_GRACE        after which a tool that does not stop is killed [10s]
  PIPELINE_RESTART_MIN  pause before a tool is started again, which doubles [1s]
  PIPELINE_RESTART_MAX  up to this [30s]
  PIPELINE_BIN          where the tools are [build/ here, here, PATH]
  LOGRECV_*, LOGBATCH_*, LOGLOAD_*  LOGLOAD_DB is logload --db, and so on
Without LOGLOAD_DB and a my.cnf, events are stored in sqlite:SPOOL/logs.db.
END
}

# log LEVEL TEXT. Whoever reads stderr may hang: a line is lost then, after a second.
log() {
	timeout 1 printf '%s\n' "$(date -u +%Y-%m-%dT%H:%M:%S.%6NZ) $1 pipeline: $2" >&2
}
# fail STATUS LEVEL TEXT: ends all at once
fail() {
	log "$2" "$3"
	trap '' HUP INT TERM && trap - CHLD
	for pid in "${pid_logrecv:-}" "${pid_logbatch:-}" "${pid_logload:-}"; do
		! running || kill -s KILL "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	exit "$1"
}

# duration NAME DEFAULT: sets $time
duration() {
	eval "text=\${$1:-$2}" && time=${text%[sm]}
	case $time in '' | *[!0-9]* | ??????*) fail 64 error "$1: '$text' is no time like 20s" ;; esac
	time=$(printf '%.0f' "$time")00 # not as an octal number
	case $text in *m) time=$((time * 60)) ;; esac
}

# Of TOOL: its process, if any; since when it runs, or when it is to be started;
# the pause after its next end; how often it was started again.
recall() {
	eval "pid=\$pid_$1 at=\$at_$1 delay=\$delay_$1 restarts=\$restarts_$1"
}
keep() {
	eval "pid_$1=\$pid at_$1=\$at delay_$1=\$delay restarts_$1=\$restarts"
}

# Is $pid our child, and alive? `kill -0` finds the dead as well.
running() {
	{ read -r stat <"/proc/$pid/stat"; } 2>/dev/null || return 1
	case ${stat##*) } in [!ZX]" $$ "*) ;; *) return 1 ;; esac
}

# Sets $status of $pid, which has ended; a signal may interrupt `wait` even so.
reap() {
	status=127 # also what wait says of one that it has told of
	for _ in 1 2 3; do
		wait "$pid" 2>/dev/null
		case $? in 127) ;; *) status=$? ;; esac
	done
}

# start TOOL. It gets no other tool's variables: a password is for one of them.
# logload is to find out whether logrecv takes larger events than it does.
start() {
	own="^$1_"
	[ "$1" != logload ] || own="$own|^LOGRECV_MAX_EVENT$"
	(
		unset $(env | grep -oE '^LOG(RECV|BATCH|LOAD)_[A-Z0-9_]*' | grep -ivE "$own")
		exec $guard sh -c '[ "$PPID" != "$0" ] || exec "$1"' $$ "$(command -v "$1")"
	) &
	pid=$! at=$now restarts=$((restarts + 1)) started=1 woken=1
	# While it has our name it may have our traps, which would swallow a TERM.
	while running && [ "${stat#*"$self"}" != "$stat" ]; do :; done
}

# tend TOOL: starts it, when that is due
tend() {
	recall "$1"
	! running || return 0
	if [ -n "$pid" ]; then
		reap
		[ $((now - at)) -lt 6000 ] || delay=$restart_min
		facts="tool=$1 status=$status delay_s=$((delay / 100))"
		case $status:$restarts in
		64:0) fail 64 error "$1 refuses its options, see above: giving up $facts" ;;
		78:*) log error "$1 cannot work with its configuration: trying again $facts" ;;
		*) log warn "$1 ended: starting it again $facts" ;;
		esac
		pid='' at=$((now + delay)) delay=$((delay * 2))
		[ "$delay" -le "$restart_max" ] || delay=$restart_max
	fi
	[ "$now" -lt "$at" ] || start "$1"
	[ -n "$pid" ] || [ "$at" -ge "$next" ] || next=$at
	keep "$1"
}

# Ends one tool after the other: TERM, and at $limit KILL.
end() {
	if running; then
		[ "$now" -lt "$limit" ] || { kill -s KILL "$pid" && limit=$((now + 100)); } 2>/dev/null
		[ "$limit" -ge "$next" ] || next=$limit
		return
	fi
	status=none
	[ -z "$pid" ] || reap
	[ -z "$ending" ] || log info "stopped tool=$ending status=$status"
	[ -n "$to_run" ] || exit 0
	ending=${to_run%% *} to_run=${to_run#* } limit=$((now + grace)) woken=1
	[ "$ending" != logload ] || limit=$((limit + drain))
	log info "stopping tool=$ending"
	recall "$ending"
	! running || kill -s TERM "$pid" 2>/dev/null
}

write_metrics() {
	[ -d "$SPOOL/metrics" ] || { next=$((now + 100)) && return; } # a tool makes it
	started=
	set -- "$SPOOL/metrics/.pipeline.prom.tmp" "$SPOOL/metrics/pipeline.prom"
	{ cat >"$1" <<END && mv -f "$1" "$2"; } 2>/dev/null || log warn "cannot write $2"
# HELP pipeline_restarts_total Starts of a tool after its first one.
# TYPE pipeline_restarts_total counter
pipeline_restarts_total{tool="logrecv"} $restarts_logrecv
pipeline_restarts_total{tool="logbatch"} $restarts_logbatch
pipeline_restarts_total{tool="logload"} $restarts_logload
END
}

# The traps' work. In dash, one that has interrupted another finds a wrong $?.
wake() {
	woken=1
	case $sleeper in ?*) kill -s KILL "$sleeper" 2>/dev/null ;; esac
}

# Sleeps until $next, a signal, or the end of a child.
nap() {
	$guard sleep "$(((next - now + 9) / 100)).$(((next - now + 9) / 10 % 10))" &
	sleeper=$!
	[ -n "$woken" ] || wait "$sleeper" 2>/dev/null
	wake
	wait "$sleeper" 2>/dev/null
	sleeper=
}

[ "$*" != --help ] || { usage && exit 0; }
[ $# -eq 0 ] || [ "$*" = --version ] || { usage >&2 && exit 64; }
signals=0 sleeper='' ending='' started=''
pid='' at='' delay='' restarts='' && keep none
trap 'signals=$((signals + 1)); wake' HUP INT TERM
trap wake CHLD
here=$(dirname -- "$(readlink -f -- "$0")")
PATH=${PIPELINE_BIN:+$PIPELINE_BIN:}$here/build:$here:$PATH
unknown=$(env -0 | tr '\n\0' ' \n' | sed -n 's/^\(PIPELINE_[A-Z0-9_]*\)=..*/\1/p' |
	grep -vxFm 1 "$(usage | grep -o 'PIPELINE_[A-Z_]*')")
[ -z "$unknown" ] || fail 64 error "$unknown: there is no such option"
duration PIPELINE_RESTART_MAX 30s && restart_max=$time
duration PIPELINE_RESTART_MIN 1s && restart_min=$time
[ "$restart_min" -gt 0 ] || restart_min=100
duration PIPELINE_GRACE 10s && grace=$time
duration PIPELINE_DRAIN 20s && drain=$time
for tool in logrecv logbatch logload; do
	command -v "$tool" >/dev/null ||
		fail 78 error "$tool is not found: build it with make, or set PIPELINE_BIN"
	pid='' at=0 delay=$restart_min restarts=-1
	keep "$tool"
done
[ $# -eq 0 ] || { logbatch --version | sed 's/^[^ ]*/pipeline.sh/' && exit 0; }
: "${SPOOL:=${LOGRECV_SPOOL:-/var/spool/logs}}"
(umask 027 && mkdir -p "$SPOOL") || fail 74 error "cannot make the spool $SPOOL"
export LOGRECV_SPOOL="${LOGRECV_SPOOL:-$SPOOL}" LOGBATCH_SPOOL="${LOGBATCH_SPOOL:-$SPOOL}" \
	LOGLOAD_SPOOL="${LOGLOAD_SPOOL:-$SPOOL}" LOGBATCH_DRAIN=yes LOGLOAD_DRAIN=$((drain / 100))
# In a session of its own a tool does not get a terminal's Ctrl-C beside our
# TERM. Should this shell be killed, the kernel sends that.
guard=$(command -v setsid)
! setpriv --pdeathsig TERM true 2>/dev/null || guard="setpriv --pdeathsig TERM --nnp $guard"
self="($(cat /proc/$$/comm))"

log info "starting spool=$SPOOL pid=$$"
[ -n "${LOGLOAD_DB:-}${LOGLOAD_DEFAULTS_FILE:-}" ] || [ -r "${HOME:-}/.my.cnf" ] || {
	export LOGLOAD_DB="sqlite:$SPOOL/logs.db"
	log info "no database is set (LOGLOAD_DB): storing in $LOGLOAD_DB"
}
to_run='logrecv logbatch logload '
while :; do
	woken=
	read -r now _ </proc/uptime
	now=$((${now%.*} * 100 + 1${now#*.} - 100)) next=$((now + 360000))
	[ -z "$started" ] || write_metrics
	case $signals in
	0) ;;
	1) recall "${ending:-none}" && end ;;
	*) fail 143 warn 'stopped at once: what is left is loaded at the next start' ;;
	esac
	for tool in $to_run; do tend "$tool"; done
	[ -n "$woken" ] || nap
done
