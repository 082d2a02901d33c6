#!/usr/bin/env bash
# Help and man page name the same options and variables: help comes from the
# table that parses them, the page is written by hand.
. "$(dirname "$0")/../lib.sh"

for tool in logrecv logbatch logload logsend logship logfetch; do
	page=$(echo "$TOP/cmd/$tool/$tool".[18])
	ok "$tool has a man page" test -f "$page" || continue

	run "$tool" --help
	printf '%s\n' "$OUT" | sed -n 's/^  --\([a-z-]*\).*/\1/p' |
		sort -u >"$DIR/help"
	sed -n 's/^\.It Fl -\([a-z-]*\).*/\1/p' "$page" | sort -u >"$DIR/page"
	ok "$tool: its options are in its page, and no others" \
		diff "$DIR/help" "$DIR/page"

	printf '%s\n' "$OUT" | sed -n 's/^  \([A-Z_]*\)=.*/\1/p' | sort -u |
		while read -r variable; do
			grep -q "$variable" "$page" || echo "$variable"
		done >"$DIR/missing"
	is "$(cat "$DIR/missing")" '' "$tool: so are its secret variables"

	for title in NAME SYNOPSIS DESCRIPTION ENVIRONMENT 'EXIT STATUS' EXAMPLES; do
		ok "$tool: its page has $title" grep -Eq "^\.Sh \"?$title\"?\$" "$page"
	done
	# What a default is, the page and the table must agree upon.
	printf '%s\n' "$OUT" | awk '
		/^  --/ { name = $1; sub(/=.*/, "", name); sub(/^--/, "", name) }
		/^        .*\[[^][]*\]$/ {
			value = $0
			sub(/^.*\[/, "", value)
			sub(/\]$/, "", value)
			print name, value
		}' | while read -r name value; do
		awk -v name="$name" '
			/^\.It / { here = $3 == "-" name }
			here { print }' "$page" | grep -qwF -e "$value" ||
			echo "$name: $value"
	done >"$DIR/defaults"
	is "$(cat "$DIR/defaults")" '' "$tool: its page knows the defaults"
done
done_testing
