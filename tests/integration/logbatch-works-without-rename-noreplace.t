#!/usr/bin/env bash
# A file system that has no RENAME_NOREPLACE (ZFS before 2.2, CIFS, FUSE) takes
# files over as any other, and nothing is overwritten there either.
. "$(dirname "$0")/../lib.sh"

command -v strace >/dev/null || skip_all 'no strace here'
strace -qq -o "$DIR/trace" true 2>/dev/null || skip_all 'no tracing here'

name() {
	printf '20260101T00000%d.000000Z-h-1-%d.ndjson\n' "$1" "$1"
}

spool_new
mkdir -p "$SPOOL/buffer" "$SPOOL/ready"
for i in 1 2; do
	echo "{\"n\":$i}" >"$SPOOL/buffer/$(name "$i")"
done
echo '{"old":2}' >"$SPOOL/ready/$(name 2)"
# Sanitizers that look for leaks cannot be traced.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 run strace -f -qq \
	-o "$DIR/trace" -e trace=renameat2 -e inject=renameat2:error=EINVAL \
	logbatch --spool "$SPOOL" --once
is "$(cat "$SPOOL/ready/$(name 1)")" '{"n":1}' 'a file is handed over'
is "$STATUS" 74 'one whose name is taken is not'
like "$ERR" "rename .*$(name 2): File exists" 'as it says'
is "$(cat "$SPOOL/ready/$(name 2)" "$SPOOL/buffer/$(name 2)")" \
	$'{"old":2}\n{"n":2}' 'both are whole'
done_testing
