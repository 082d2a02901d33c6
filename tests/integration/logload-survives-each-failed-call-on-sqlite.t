#!/usr/bin/env bash
# The library that writes the file of SQLite runs within logload, and ends where
# that ends. Killed at any of its calls to the system, or told by any of them that
# the disk is full or broken, logload makes each event a row once.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"
command -v strace >/dev/null || skip_all 'no strace here'
strace -qq -o "$DIR/trace" true 2>/dev/null || skip_all 'no tracing here'

sqlite_start
# Four transactions, and those that make the tables.
spool_new
events 4500 >"$DIR/events"
prepare() {
	rm -rf "$DB_FILE"* "$SPOOL"
	mkdir -p "$SPOOL/ready"
	cp "$DIR/events" "$SPOOL/ready/$(ready 1)"
}
# traced [STRACE-OPTION]...: --once. bash would tell of each that is killed.
traced() {
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 run strace \
		-f -qq -o "$DIR/trace" "$@" logload --db "$DB_URL" \
		--spool "$SPOOL" --once --chunk 64KiB
} 2>/dev/null
calls() {
	grep -c " $1(" "$DIR/trace"
}

prepare
traced -e trace=pwrite64,fdatasync,ftruncate,unlink
is "$STATUS/$(rows)" 0/4500 'a run without faults'
declare -A most=()
for call in pwrite64 fdatasync ftruncate unlink; do
	most[$call]=$(calls "$call")
done
num "${most[pwrite64]}" -gt 50 "of ${most[pwrite64]} writes"
num "${most[fdatasync]}" -gt 5 "and ${most[fdatasync]} syncs"

# fault CALL WHAT STEP: at each STEPth of these calls
fault() {
	local call=$1 what=$2 at=1 wrong='' met=0

	while [ "$at" -le "${most[$call]}" ]; do
		prepare
		traced -e trace="$call" -e inject="$call:$what:when=$at"
		met=$((met + (STATUS == 137)))
		grep -q INJECTED "$DIR/trace" && met=$((met + 1))
		once
		[ "$STATUS $(files ready) $(sql "SELECT COUNT(*),
			COUNT(DISTINCT payload) FROM logs; SELECT events
			FROM log_files; PRAGMA integrity_check" | xargs)" = \
			'0 0 4500 4500 4500 ok' ] || wrong+=" $at"
		at=$((at + $3))
	done
	is "$wrong" '' "$call: $what: each event is a row once"
	num "$met" -gt 0 "it was met $met times"
}
fault pwrite64 signal=KILL 9
fault pwrite64 error=ENOSPC 17
fault pwrite64 error=EIO 19
fault fdatasync signal=KILL 1
fault fdatasync error=EIO 1
fault ftruncate signal=KILL 1
fault ftruncate error=EIO 1
fault unlink signal=KILL 1
done_testing
