#!/usr/bin/env bash
# Every option of every tool can be given as a variable; one that is wrong is
# refused with status 64 and its name, as is one that is no option of the tool;
# an empty one counts as not set.
. "$(dirname "$0")/../lib.sh"

for tool in logrecv logbatch logload logsend logship logfetch; do
	count=0
	run "$tool" --help
	printf '%s\n' "$OUT" | sed -n 's/^  --\([^ ]*\).*/\1/p' >"$DIR/options"
	while IFS='=' read -r name argument; do
		case $name:$argument in
		help:* | version:*) continue ;;
		*:SIZE | *:TIME | *:N) wrong='x' ;;
		*:*'|'*) wrong='no-such-choice' ;;
		*:) wrong='perhaps' ;;
		*) continue ;; # any text will do: the tool itself judges it
		esac
		variable=$(printf '%s_%s' "$tool" "$name" | tr 'a-z-' 'A-Z_')
		count=$((count + 1))
		run env "$variable=$wrong" "$tool"
		is "$STATUS" 64 "$variable=$wrong: status 64"
		like "$ERR" "^$tool: $variable: '$wrong' is" "$variable: named"
		run env "$variable=$wrong" "$tool" --version
		is "$STATUS" 64 "$variable: also beside another option"
		run env "$variable=" "$tool" --version
		is "$STATUS" 0 "$variable=: not set"
	done <"$DIR/options"
	variable=${tool^^}_SPOOOL
	run env "$variable=x" "$tool"
	is "$STATUS" 64 "$variable=x: status 64"
	like "$ERR" "^$tool: $variable: there is no such option" "$variable: named"
	run env "$variable=x" "$tool" --help
	is "$STATUS" 0 "$variable=x: the help that it points to is there"
	run env "$variable=" "${tool^^}X_A=x" "X${tool^^}_A=x" "${variable}2=x" "$tool"
	like "$ERR" "^$tool: ${variable}2: " "$variable=: not set, other prefixes are others'"
	num "$count" -gt 2 "$tool: $count options looked at"
done
done_testing
