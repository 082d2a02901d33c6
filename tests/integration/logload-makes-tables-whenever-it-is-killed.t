#!/usr/bin/env bash
# Tables that events name are made between two transactions. Killed before any
# statement that changes something there, from the first transaction on, logload
# makes each event a row once, in its table.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"
command -v strace >/dev/null || skip_all 'no strace here'
strace -qq -o "$DIR/trace" true 2>/dev/null || skip_all 'no tracing here'

db_start
spool_new
call=sendto
[ "$DB" != sqlite ] || call=pwrite64
[ "$DB" != mysql ] || DB_URL+='?ssl-mode=disabled' # TLS would hide it
seq 40 | awk '{ printf "{\"id\":%d,\"event\":\"%s\"}\n", $1,
	$1 % 2 ? "a" : "b" }' >"$DIR/events"
many=(--table 'logs_{event}' --tables 'a,b' --index event)
# anew: as if nothing had been
anew() {
	if [ "$DB" = sqlite ]; then
		rm -f "$DB_FILE"*
	else
		sql 'DROP TABLE IF EXISTS logs_a, logs_b, log_files'
	fi 2>/dev/null
	rm -rf "$SPOOL"
	mkdir -p "$SPOOL/ready"
	cp "$DIR/events" "$SPOOL/ready/$(ready 1)"
}
# traced [STRACE-OPTION]...: bash would tell of each that is killed
traced() {
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 run strace \
		-f -qq -s 64 -o "$DIR/trace" -e trace="$call" "$@" \
		logload --db "$DB_URL" --spool "$SPOOL" --once "${many[@]}"
} 2>/dev/null
# found: which tables are there, and their rows
found() {
	local table

	for table in logs_a logs_b; do
		sql "SELECT COUNT(*), COUNT(DISTINCT line) FROM $table" \
			2>/dev/null || echo -
	done | xargs
}

anew
traced
is "$STATUS $(found)" '0 20 20 20 20' 'a run without a kill'
# What only asks, or is a part of a transaction's writing, changes nothing. In a
# container strace may not read what is sent: then it is killed at each.
if [ "$DB" = sqlite ]; then
	mapfile -t steps < <(seq 1 3 "$(grep -c "$call(" "$DIR/trace")")
elif ! grep -q SELECT "$DIR/trace"; then
	mapfile -t steps < <(seq "$(grep -c "$call(" "$DIR/trace")")
else
	mapfile -t steps < <(grep "$call(" "$DIR/trace" | grep -n . |
		sed '1,/START TRANSACTION\|BEGIN ISO/d; /SELECT/d; s/:.*//')
fi
num "${#steps[@]}" -ge 15 "it can be killed at: ${steps[*]}"
wrong=''
states=()
for at in "${steps[@]}"; do
	anew
	traced -e inject="$call:signal=KILL:when=$at"
	states+=("$STATUS $(found)")
	once "${many[@]}"
	[ "$STATUS $(files ready) $(found) $(ledger events,rejected | xargs)" = \
		'0 0 20 20 20 20 40 0' ] ||
		wrong+=" $at($STATUS $(found) $(tail -n 1 <<<"$ERR"))"
done
is "$wrong" '' 'killed at any of them, and started again: each is there once'
for state in '137 - -' '137 0 0 -' '137 0 0 0 0'; do
	ok "it was killed with $state there" \
		grep -qxF "$state" <(printf '%s\n' "${states[@]}")
done
done_testing
