# shellcheck shell=bash
#
# lib.sh - what integration tests share. A test is a bash script that begins
#
#	#!/usr/bin/env bash
#	# One or two lines: what is proved, and why it matters.
#	. "$(dirname "$0")/../lib.sh"
#
# and ends with `done_testing`. One that measures time says so in a comment line
# "# alone: why", and no other test is run at the same time. It talks TAP on stdout (prove reads it), works
# in a scratch directory of its own, starts its own servers on 127.0.0.1, and
# leaves nothing behind, whatever happens to it: everything that was started
# by `start` is killed, with its children, when the test ends. Run one by hand
# with `tests/integration/NAME.t`; with KEEP=1 the scratch directory stays,
# and its path is printed.
#
# Set for the test
#	DIR     the scratch directory, removed at the end; also HOME; TMPDIR is
#	        below it
#	BUILD   the folder of the programs, absolute; it stands first in PATH, so
#	        that a test says `logload`, not $BUILD/logload
#	TOP     the checkout
# No LOGRECV_*, LOGBATCH_*, LOGLOAD_*, LOGSEND_*, LOGSHIP_*, LOGFETCH_* or
# PIPELINE_* variable comes in from outside; LOGRECV_ADMIN_LISTEN is a free port.
# The test's working directory is the caller's: use $DIR.
#
# Checks; each prints one line of TAP, and diagnostics if it fails
#	ok NAME COMMAND...       does the command succeed? Its output is shown if
#	                         it does not.
#	not_ok NAME COMMAND...   does it fail?
#	is GOT WANT NAME         the same text?
#	isnt GOT UNWANTED NAME
#	like TEXT ERE NAME       does bash's extended regular expression match?
#	unlike TEXT ERE NAME
#	num GOT OP WANT NAME     whole numbers; OP is -eq -ne -lt -le -gt -ge
#	pass NAME, fail NAME     by your own verdict; "pass NAME # SKIP WHY" is for
#	                         what this machine lacks
#	diag TEXT..., note TEXT...
#	bail_out REASON          stop the whole run: the machine is not fit for it
#	give_up REASON           this test cannot go on: fails, ends it
#	skip_all REASON          before the first check: not for this machine
#	done_testing             the last line of a test. Also fails if any program
#	                         under test reported an error of a sanitizer.
#
# Running programs
#	run COMMAND...     runs it to its end: sets STATUS, OUT and ERR. 60 s.
#	start NAME COMMAND...    in the background, in a process group of its own;
#	                   stdout goes to $DIR/NAME.out, stderr to $DIR/NAME.log,
#	                   both appended to. Not from a $(subshell).
#	pid NAME           prints its process id
#	alive NAME         does it still run?
#	stop NAME [SIGNAL] sends the signal (TERM), waits for its end; sets STATUS
#	                   to its exit status. After 30 s: kills it, returns 1.
#	kill_hard NAME     kill -9 of it alone, as a crash would
#	kill_group NAME    kill -9 of it and its children
#	wait_exit NAME [SECONDS]   it ends by itself; sets STATUS
#	log_since NAME     prints what it has logged since its last start
#	wait_log NAME ERE [SECONDS]   until its log since its start has a line that
#	                   matches (grep -E)
#	Logs of all programs are shown when a test failed.
#
#	faults COMMAND...  runs it with logrecv-faults.c loaded: sets FAULTS, the
#	                   directory of the files that it looks at
#
# Waiting: never sleep, ask for what you wait for
#	wait_for [-t SECONDS] COMMAND...   repeats it every 20 ms until it
#	                   succeeds; 1 after the deadline (20 s). `ok NAME wait_for
#	                   …` makes a check of it. Its words are the command: for
#	                   more than one command write a function.
#	WAIT_SCALE         all deadlines are multiplied by it (sanitizers are slow)
#
# The spool and the tools. Options are added to those named; later ones win.
#	spool_new                sets SPOOL to a new, empty, not yet made directory
#	files PLACE              prints how many *.ndjson are in $SPOOL/PLACE
#	no_files PLACE           are there none?
#	spool_lines PLACE...     prints their lines, the oldest file's first. A
#	                         torn tail, as kill -9 leaves one, is a line of its
#	                         own: cat would glue the next file's first line to it
#	lines PLACE              prints how many lines those are
#	logrecv_start [OPTION]...    --listen 127.0.0.1:0 --spool $SPOOL; waits for
#	                         its line "listening address=127.0.0.1:PORT"; sets
#	                         PORT and URL (http://127.0.0.1:PORT), and ADMIN_PORT
#	                         and ADMIN_URL, where operators come in
#	logbatch_start [OPTION]...   --spool $SPOOL
#	logload_start [OPTION]...    --db $DB_URL --spool $SPOOL
#	Their NAME is the tool's; NAME=recv2 logrecv_start … gives another.
#	metric FILE SAMPLE       prints the value of a sample of
#	                         $SPOOL/metrics/FILE.prom: metric logrecv
#	                         'logrecv_refused_total{reason="json"}'
#
# HTTP
#	http METHOD PATH [CURL-OPTION]...   sets CODE, BODY, and HEADERS (file);
#	                         CODE is 000 where no answer came
#	post BODY [CURL-OPTION]...          POST $URL/log
#	send_event JSON          posts it; does it answer 200?
#	http_raw [OPTION]... PORT <REQUEST  sends the bytes as they are and prints
#	                         what comes back, bytes too: see tests/http-raw
#	http_codes PORT <REQUEST prints the status codes of all answers, in a line
#
# A database, one of its own for each test. The variable DB says which one:
# mariadb (the default), mysql, postgresql, sqlite or odbc. A test that is right
# for several has a line "# databases: mariadb mysql postgresql sqlite odbc", and
# runs on each of them.
#	db_start [SERVER-OPTION]...   starts it, over its last data if it has
#	                         run before; sets DB_URL (database, user and
#	                         password are logs, logs, secret; the user may do
#	                         everything in that database, nothing elsewhere),
#	                         DB_HOST, DB_PORT (the same after a restart),
#	                         DB_SOCKET, DB_FILES (its folder, while it is
#	                         stopped), and exports LOGLOAD_DB_PASSWORD. SQLite
#	                         has DB_URL, DB_FILE and DB_FILES alone
#	db_stop                  an orderly shutdown
#	db_kill                  kill -9
#	db_freeze STOP|CONT      all of it
#	sql STATEMENT            as root in database logs; prints rows, tabs
#	                         between columns, NULL for none, without names
#	sql_is STATEMENT WANT NAME   `is` over it
#	member NAME              prints SQL for a member of the payload, as text
#	payload                  and for all of it
#	as_stored JSON           prints what is in payload of an event that came so
#	instant COLUMN           prints SQL for one as text, in UTC, of six digits
#	sql_now                  and for this instant, in UTC
#	constrain CONDITION      the table logs refuses events of which that is not
#	unconstrain              true, in the name picky; and takes all again. The
#	                         code is DB_PICKY then
#	refuse [CONDITION]       a trigger refuses those of which that is true, of
#	                         NEW.event and the like, and any rows may be there;
#	                         or none. The code is DB_REFUSED, the text: refused
#	make_tables [OPTION]...  as logload --print-schema has them
#	change_tables SED [OPTION]...   and as that script of sed changes them
#	rights [RIGHT,...]       the user has these alone on its tables, or all again
#	password WORD            the user has that one. Both fail on SQLite, which
#	                         knows no users
#	indexes                  prints "NAME COLUMN,..." of each index of logs
#	partitions               prints the names of the partitions of logs, sorted
#	statements               prints what the server is at, a line each
#	lock_logs [TABLE], unlock_logs   another session holds it, or logs
#	wait_locked_out          until a loader waits for that
#	rows                     SELECT COUNT(*) FROM logs; 0 if there is no table
#	wait_rows N [SECONDS]    until the table has at least N rows
#	mariadb_start, …         the same of MariaDB, whatever DB says
#	mariadb_mycnf            writes $HOME/.my.cnf with socket, user, password
#	postgresql_start NAME    …, and of PostgreSQL: NAME is another server, in
#	                         $DIR/NAME, and options may follow
#	postgresql_standby NAME  … of the server at DB_PORT, which changes

# Variables such as STATUS and BODY are for the tests that read this file; the
# code in quotes is Perl.
# shellcheck disable=SC2016,SC2034

set -u
export LC_ALL=C

tests_dir=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
TOP=$(dirname -- "$tests_dir")
BUILD=${BUILD:-build}
case $BUILD in
/*) ;;
*) BUILD=$TOP/$BUILD ;;
esac
PATH=$BUILD:$PATH:/usr/local/sbin:/usr/sbin:/sbin
WAIT_SCALE=${WAIT_SCALE:-1}
export BUILD PATH
while IFS= read -r tests_variable; do
	unset "$tests_variable"
done < <(compgen -e | grep -E '^(LOGRECV|LOGBATCH|LOGLOAD|LOGSEND|LOGSHIP|LOGFETCH|PIPELINE)_')
export LOGRECV_ADMIN_LISTEN=127.0.0.1:0
unset tests_variable TZ MYSQL_HOME MYSQL_HOST MYSQL_PWD MYSQL_TCP_PORT \
	MYSQL_UNIX_PORT http_proxy https_proxy all_proxy

DIR=$(mktemp -d "${TMPDIR:-/tmp}/logs-test.XXXXXX") || exit 1
export HOME=$DIR TMPDIR=$DIR/tmp
mkdir "$TMPDIR" || exit 1

tests_run=0
tests_failed=0
tests_done=
declare -A tests_pid=() tests_mark=()

# Zombies have gone: when they are reaped is up to their parent.
tests_are_gone() {
	local pid stat

	for pid in "$@"; do
		{ read -r stat <"/proc/$pid/stat"; } 2>/dev/null || continue
		[[ $stat == *') Z '* ]] || return 1
	done
}

# Ends what still runs, shows what it said if the test failed, and tidies up.
tests_end() {
	local status=$? name pid left=()

	trap '' HUP INT TERM
	if [ "$tests_failed" -gt 0 ] || [ -z "$tests_done" ]; then
		for name in "$DIR"/*.log; do
			[ -s "$name" ] || continue
			diag "--- the end of ${name#"$DIR/"}"
			tail -n 40 "$name" | cut -c 1-400 | sed 's/^/# /' >&2
		done
	fi
	# Disowned, bash has nothing to say about their end.
	left=("${tests_pid[@]}")
	mapfile -t -O "${#left[@]}" left < <(jobs -p)
	disown -a
	for pid in "${left[@]}"; do
		kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null
	done
	# And what has left its group: it has the scratch directory as HOME.
	while IFS= read -r pid; do
		pid=${pid#/proc/}
		left+=("${pid%/environ}")
		kill -KILL "${left[-1]}" 2>/dev/null
	done < <(grep -lsaxzF "HOME=$DIR" /proc/[0-9]*/environ | grep -v "/$$/")
	wait_for -t 5 tests_are_gone "${left[@]}"
	if [ -n "${KEEP:-}" ]; then
		diag "kept: $DIR"
	else
		rm -rf "$DIR"
	fi
	[ "$status" -eq 0 ] && [ "$tests_failed" -gt 0 ] && status=1
	exit "$status"
}
trap tests_end EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'diag "stopped: took too long?"; exit 143' TERM

# --- TAP

diag() {
	printf '%s\n' "$*" | sed 's/^/# /' >&2
}

note() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

pass() {
	tests_run=$((tests_run + 1))
	printf 'ok %d - %s\n' "$tests_run" "$*"
	# Of what is on stdout, prove shows nothing.
	[[ $* != *'# SKIP'* ]] || diag "skipped: $*"
}

fail() {
	tests_run=$((tests_run + 1))
	tests_failed=$((tests_failed + 1))
	printf 'not ok %d - %s\n' "$tests_run" "$*"
	diag "failed: $* ($(basename "$0") line ${BASH_LINENO[${#BASH_LINENO[@]} - 2]})"
	return 1
}

bail_out() {
	printf 'Bail out!  %s\n' "$*"
	exit 255
}

give_up() {
	fail "$*"
	exit 1
}

skip_all() {
	printf '1..0 # SKIP %s\n' "$*"
	tests_done=1
	exit 0
}

ok() {
	local name=$1

	shift
	if "$@" >"$DIR/.ok" 2>&1; then
		pass "$name"
	else
		fail "$name"
		diag "false: $*"
		head -n 40 "$DIR/.ok" | sed 's/^/#   /' >&2
		return 1
	fi
}

not_ok() {
	local name=$1

	shift
	if "$@" >"$DIR/.ok" 2>&1; then
		fail "$name"
		diag "true: $*"
		return 1
	else
		pass "$name"
	fi
}

is() {
	if [ "$1" = "$2" ]; then
		pass "$3"
	else
		fail "$3"
		diag "  got: $1"
		diag " want: $2"
		return 1
	fi
}

isnt() {
	if [ "$1" != "$2" ]; then
		pass "$3"
	else
		fail "$3"
		diag "  got: $1"
		return 1
	fi
}

like() {
	if [[ $1 =~ $2 ]]; then
		pass "$3"
	else
		fail "$3"
		diag "  got: $1"
		diag "  not: $2"
		return 1
	fi
}

unlike() {
	if [[ $1 =~ $2 ]]; then
		fail "$3"
		diag "  got: $1"
		diag "match: $2"
		return 1
	else
		pass "$3"
	fi
}

num() {
	if test "$1" "$2" "$3"; then
		pass "$4"
	else
		fail "$4"
		diag "false: $1 $2 $3"
		return 1
	fi
}

done_testing() {
	local found

	found=$(cat "$DIR"/*.log "$DIR"/.run.err 2>/dev/null | grep -aE -A 30 \
		'ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error: ')
	if [ -n "$found" ]; then
		fail 'no program under test made a sanitizer speak'
		diag "$(printf '%s\n' "$found" | head -n 60)"
	fi
	printf '1..%d\n' "$tests_run"
	tests_done=1
}

# --- waiting and running

# The time of day in milliseconds, in one process's view.
now_ms() {
	local now=${EPOCHREALTIME/./}

	printf '%s\n' "${now%???}"
}

wait_for() {
	local seconds=20 until

	if [ "$1" = -t ]; then
		seconds=$2
		shift 2
	fi
	until=$(($(now_ms) + seconds * WAIT_SCALE * 1000))
	while ! "$@"; do
		[ "$(now_ms)" -lt "$until" ] || return 1
		sleep 0.02
	done
}

run() {
	timeout -k 5 "$((60 * WAIT_SCALE))" "$@" \
		>"$DIR/.run.out" 2>"$DIR/.run.err" </dev/null
	STATUS=$?
	# A byte NUL in an output is no reason for a warning by bash.
	OUT=$(tr -d '\0' <"$DIR/.run.out")
	ERR=$(tr -d '\0' <"$DIR/.run.err")
	if grep -aqE 'Sanitizer|runtime error: ' "$DIR/.run.err"; then
		cat "$DIR/.run.err" >>"$DIR/run.log"
	fi
}

start() {
	local name=$1

	shift
	[ -n "${tests_pid[$name]:-}" ] && alive "$name" &&
		give_up "$name is started twice"
	tests_mark[$name]=$(stat -c %s "$DIR/$name.log" 2>/dev/null || echo 0)
	# Its own group, so that its children can be killed with it; and killed
	# by the kernel where this shell is.
	setsid setpriv --pdeathsig KILL "$@" \
		</dev/null >>"$DIR/$name.out" 2>>"$DIR/$name.log" &
	tests_pid[$name]=$!
}

pid() {
	printf '%s\n' "${tests_pid[$1]}"
}

alive() {
	kill -0 "${tests_pid[$1]:-none}" 2>/dev/null
}

tests_is_gone() {
	! alive "$1"
}

# Without bash's own word on how it ended.
wait_exit() {
	wait_for -t "${2:-30}" tests_is_gone "$1" || return 1
	wait "${tests_pid[$1]}"
	STATUS=$?
} 2>/dev/null

stop() {
	kill -s "${2:-TERM}" "${tests_pid[$1]}" 2>/dev/null
	wait_exit "$1" && return 0
	diag "$1 does not stop after SIG${2:-TERM}"
	kill_group "$1"
	return 1
}

kill_hard() {
	kill -KILL "${tests_pid[$1]}"
	wait_exit "$1"
} 2>/dev/null

kill_group() {
	kill -KILL -- "-${tests_pid[$1]}"
	wait_exit "$1"
} 2>/dev/null

faults() {
	export FAULTS=$DIR/faults
	mkdir -p "$FAULTS"
	[ -e "$DIR/faults.so" ] || ${CC:-cc} -D_GNU_SOURCE -O1 -shared -fPIC \
		-o "$DIR/faults.so" "$tests_dir/integration/logrecv-faults.c" \
		-ldl || skip_all 'no compiler for a library that fails'
	# AddressSanitizer wants to be the first library; here it need not be.
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 \
		LD_PRELOAD=$DIR/faults.so "$@"
}

log_since() {
	tail -c "+$((${tests_mark[$1]} + 1))" "$DIR/$1.log"
}

tests_has_logged() {
	log_since "$1" | grep -aqE -e "$2"
}

wait_log() {
	wait_for -t "${3:-20}" tests_has_logged "$1" "$2"
}

# --- the spool and the tools

tests_spools=0

spool_new() {
	tests_spools=$((tests_spools + 1))
	SPOOL=$DIR/spool$tests_spools
}

files() {
	find "$SPOOL/$1" -maxdepth 1 -type f -name '[!.]*.ndjson' 2>/dev/null |
		wc -l
}

no_files() {
	[ "$(files "$1")" -eq 0 ]
}

spool_lines() {
	local place

	for place in "$@"; do
		find "$SPOOL/$place" -maxdepth 1 -type f -name '[!.]*.ndjson' \
			-print0 2>/dev/null | sort -z
	done | xargs -0 -r perl -pe '$_ .= "\n" if !/\n\z/' --
}

lines() {
	spool_lines "$1" | wc -l
}

logrecv_start() {
	local name=${NAME:-logrecv}

	start "$name" logrecv --listen 127.0.0.1:0 --spool "$SPOOL" "$@"
	wait_for tests_listens "$name" || give_up "$name does not listen"
	PORT=$(log_since "$name" | sed -n 's/.* listening address=.*:\([0-9]*\).*/\1/p' |
		head -n 1)
	URL=http://127.0.0.1:$PORT
	ADMIN_PORT=$(log_since "$name" |
		sed -n 's/.* listening for operators address=.*:\([0-9]*\)$/\1/p')
	ADMIN_URL=http://127.0.0.1:$ADMIN_PORT
}

# It listens, or never will. For operators it does last.
tests_listens() {
	tests_has_logged "$1" ' listening for operators address=.*:[0-9]+' &&
		return 0
	alive "$1" && return 1
	give_up "$1 ended before it listened"
}

logbatch_start() {
	start "${NAME:-logbatch}" logbatch --spool "$SPOOL" "$@"
}

logload_start() {
	start "${NAME:-logload}" logload --db "$DB_URL" --spool "$SPOOL" "$@"
}

metric() {
	awk -v "sample=$2" 'index($0, sample " ") == 1 {
		print substr($0, length(sample) + 2)
	}' "$SPOOL/metrics/$1.prom" 2>/dev/null
}

# --- HTTP

http() {
	local method=$1 path=$2

	shift 2
	HEADERS=$DIR/.headers
	: >"$DIR/.body"
	CODE=$(curl -q -sS --max-time "$((20 * WAIT_SCALE))" -X "$method" \
		-D "$HEADERS" -o "$DIR/.body" -w '%{http_code}' "$@" \
		"$URL$path" 2>"$DIR/.curl")
	BODY=$(tr -d '\0' <"$DIR/.body")
}

post() {
	local body=$1

	shift
	printf '%s' "$body" >"$DIR/.post"
	http POST /log --data-binary "@$DIR/.post" "$@"
}

send_event() {
	post "$1"
	[ "$CODE" = 200 ]
}

http_raw() {
	"$tests_dir/http-raw" "$@"
}

http_codes() {
	http_raw "$@" | grep -aoE 'HTTP/1\.[01] [0-9]{3} ' |
		cut -d ' ' -f 2 | paste -s -d ' ' -
}

# --- databases

DB=${DB:-mariadb}
DB_HOST=127.0.0.1
DB_PORT=
tests_sleeps='^(LOCK TABLE|SELECT (SLEEP|pg_sleep))' # what holds the table
# shellcheck source=tests/db/mariadb.sh
. "$tests_dir/db/mariadb.sh"
# shellcheck source=tests/db/mysql.sh
. "$tests_dir/db/mysql.sh"
# shellcheck source=tests/db/postgresql.sh
. "$tests_dir/db/postgresql.sh"
# shellcheck source=tests/db/sqlite.sh
. "$tests_dir/db/sqlite.sh"
# shellcheck source=tests/db/odbc.sh
. "$tests_dir/db/odbc.sh"

# A port that is free now, and below those that the kernel gives to others.
tests_free_port() {
	perl -MIO::Socket::INET -e '
		for (1 .. 100) {
			my $port = 10240 + int(rand(22000));
			my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1",
			    LocalPort => $port, Proto => "tcp", Listen => 1) or next;
			print "$port\n";
			exit 0;
		}
		exit 1'
}

db_start() {
	"${DB}_start" "$@"
}

db_stop() {
	"${DB}_stop"
}

db_freeze() {
	"${DB}_freeze" "$1"
}

db_kill() {
	"${DB}_kill"
}

sql() {
	"${DB}_sql" "$1"
}

member() {
	"${DB}_member" "$1"
}

partitions() {
	"${DB}_partitions" | sort
}

sql_now() {
	"${DB}_now"
}

payload() {
	"${DB}_payload"
}

as_stored() {
	"${DB}_as_stored" "$1"
}

instant() {
	"${DB}_instant" "$1"
}

constrain() {
	"${DB}_constrain" "$1"
}

unconstrain() {
	"${DB}_unconstrain"
}

refuse() {
	"${DB}_refuse" "${1:-1 = 0}"
}

indexes() {
	"${DB}_indexes" | sort
}

statements() {
	"${DB}_statements"
}

tests_has_statement() {
	statements | grep -qE "$1"
}

lock_logs() {
	"${DB}_lock_logs" "${1:-logs}"
	wait_for tests_has_statement "$tests_sleeps"
}

unlock_logs() {
	"${DB}_unlock_logs"
}

tests_is_locked_out() {
	"${DB}_is_locked_out"
}

wait_locked_out() {
	wait_for tests_is_locked_out
}

make_tables() {
	change_tables '' "$@"
}

change_tables() {
	logload --db "$DB_URL" --print-schema "${@:2}" | sed "$1" >"$DIR/.schema"
	"${DB}_as_owner" "$(cat "$DIR/.schema")"
}

rights() {
	"${DB}_rights" "${1-}"
}

password() {
	"${DB}_password" "$1"
}

sql_is() {
	is "$(sql "$1" 2>&1)" "$2" "$3"
}

rows() {
	sql 'SELECT COUNT(*) FROM logs' 2>/dev/null || echo 0
}

tests_has_rows() {
	[ "$(rows)" -ge "$1" ]
}

wait_rows() {
	wait_for -t "${2:-30}" tests_has_rows "$1" && return 0
	diag "rows: $(rows), not $1"
	return 1
}
