#!/bin/sh
#
# logsend-verify.sh - sends events with logsend, waits until they are rows in
# the database, and says whether any acknowledged one is missing or there
# twice. The test service of docker-compose.test.yml runs it.
#
# logsend takes its options from its own variables, of which these two have
# other uses here, too:
#	LOGSEND_RATE        requests a second (1000)
#	LOGSEND_DURATION    for how long (60s)
# The database, and how long to wait for it (seconds, or like 120s, 2m):
#	DB_HOST, DB_PORT, DB_USER, DB_NAME    127.0.0.1, 3306, logs, logs
#	DB_PASSWORD_FILE    its first line is the password; else DB_PASSWORD
#	VERIFY_TIMEOUT      120s
#
# Prints on stdout, and nothing else there:
#	sent N              events
#	acknowledged N
#	rows N              of this run
#	missing N           acknowledged, but no row
#	twice N             more than one row
#
# Exit status: 0 if events were acknowledged, none of them is missing, none is
# there twice, and the rate was held; else 1.
set -eu
umask 077
export LC_ALL=C

say() {
	printf 'logsend-verify: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 1
}

child=
work=$(mktemp -d) || die 'cannot make a directory for the ids'
export TMPDIR="$work"

# The second TERM tells logsend not to wait for answers.
# shellcheck disable=SC2317 # called by traps
stop() {
	trap '' HUP INT TERM
	if [ -n "$child" ]; then
		kill -s TERM "$child" 2>/dev/null || :
		kill -s TERM "$child" 2>/dev/null || :
		wait "$child" 2>/dev/null || :
	fi
	exit "$1"
}
trap 'rm -rf "$work"' EXIT
trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 143' TERM

# A shell runs its traps only while it waits: so everything that takes time
# runs in the background.
wait_for() {
	child_status=0
	wait "$child" || child_status=$?
	child=
	return "$child_status"
}

seconds() {
	case $1 in
	*m) echo $((${1%m} * 60)) ;;
	*) echo "${1%s}" ;;
	esac
}

# The password goes into a file of mode 600: arguments are for all to see.
write_defaults() {
	password=${DB_PASSWORD:-}
	if [ -n "${DB_PASSWORD_FILE:-}" ]; then
		password=$(head -n 1 "$DB_PASSWORD_FILE") ||
			die "cannot read $DB_PASSWORD_FILE"
	fi
	cat >"$work/my.cnf" <<-CONF
		[client]
		protocol=tcp
		host=${DB_HOST:-127.0.0.1}
		port=${DB_PORT:-3306}
		user=${DB_USER:-logs}
		password="$(printf '%s\n' "$password" | sed 's/[\\"]/\\&/g')"
		connect-timeout=5
	CONF
}

sql() {
	mariadb --defaults-file="$work/my.cnf" --batch --skip-column-names \
		--quick --database="${DB_NAME:-logs}" \
		--execute="$1" >"$work/rows" 2>"$work/error" &
	child=$!
	wait_for
}

# A number or word of logsend's report.
report() {
	sed -n "s/.*\"$1\":\"\\{0,1\\}\\([A-Za-z0-9._-]*\\).*/\\1/p" \
		"$work/report"
}

lines() {
	wc -l <"$1" | tr -d ' '
}

# Fetches the ids of this run and compares them; sets missing and twice.
compare() {
	sql "SELECT $id FROM logs $where" || return 1
	sort "$work/rows" >"$work/found"
	uniq "$work/found" >"$work/once"
	uniq -d "$work/found" >"$work/twice"
	comm -23 "$work/acked.sorted" "$work/once" >"$work/missing"
	rows=$(lines "$work/found")
	missing=$(lines "$work/missing")
	twice=$(lines "$work/twice")
}

deadline_in=$(seconds "${VERIFY_TIMEOUT:-120s}")
[ "$deadline_in" -ge 0 ] 2>/dev/null ||
	die "VERIFY_TIMEOUT=${VERIFY_TIMEOUT:-} is not a time like 120s"
write_defaults
start=$(date -u '+%Y-%m-%d %H:%M:%S')

say "sends ${LOGSEND_RATE:-1000} requests/s for ${LOGSEND_DURATION:-60s}"
LOGSEND_DURATION=${LOGSEND_DURATION:-60s} \
	logsend --report json --acked "$work/acked" >"$work/report" &
child=$!
wait_for || say "logsend ended with status $child_status"
[ -s "$work/report" ] || die 'logsend gave no report'
cat "$work/report" >&2
run=$(report run)
sort -u "$work/acked" >"$work/acked.sorted"
acknowledged=$(lines "$work/acked")

# The primary key begins with received_at: this reads the end of the table
# alone. A minute allows for clocks that differ.
id="JSON_UNQUOTE(JSON_EXTRACT(payload, '\$.id'))"
like=$(printf '%s\n' "$run" | sed 's/_/\\_/g')
where="WHERE received_at >= '$start' - INTERVAL 1 MINUTE AND $id LIKE '$like-%'"
say "waits until $acknowledged events are rows"
rows=0
missing=$(lines "$work/acked.sorted")
twice=0
compared=no
until=$(($(date +%s) + deadline_in))
while [ "$compared" = no ] || [ "$missing" -gt 0 ]; do
	# Cheap, until there are enough rows; then by name.
	if sql "SELECT COUNT(*) FROM logs $where"; then
		rows=$(cat "$work/rows")
		[ "$rows" -lt "$acknowledged" ] || ! compare || compared=yes
	fi
	[ "$(date +%s)" -lt "$until" ] || break
	if [ "$compared" = no ] || [ "$missing" -gt 0 ]; then
		sleep 1 &
		child=$!
		wait_for || :
	fi
done
if [ "$compared" = no ] || [ "$missing" -gt 0 ]; then
	say "not all has been loaded after $deadline_in s"
	if compare; then
		compared=yes
	else
		say "cannot ask the database: $(head -n 1 "$work/error")"
	fi
	head -n 5 "$work/missing" 2>/dev/null | sed 's/^/missing: /' >&2
fi
head -n 5 "$work/twice" 2>/dev/null | sed 's/^/twice: /' >&2

printf '%s %s\n' sent "$(report events_sent)" acknowledged "$acknowledged" \
	rows "$rows" missing "$missing" twice "$twice"

# null: as fast as possible was asked for.
case $(report held) in
true | null) ;;
*) die 'the rate was not held' ;;
esac
[ "$acknowledged" -gt 0 ] || die 'nothing was acknowledged'
[ "$compared" = yes ] && [ "$missing" -eq 0 ] && [ "$twice" -eq 0 ]
