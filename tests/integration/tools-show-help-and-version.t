#!/usr/bin/env bash
# --help and --version are answered on stdout, with exit status 0, by a tool
# that needs nothing else for it; a mistake is answered on stderr, with 64.
. "$(dirname "$0")/../lib.sh"

version=$(sed -n 's/^VERSION := //p' "$TOP/Makefile")
for tool in logrecv logbatch logload logsend logship logfetch; do
	run "$tool" --help
	is "$STATUS" 0 "$tool --help: status 0"
	like "$OUT" "^Usage: $tool " "$tool --help: usage"
	is "$ERR" '' "$tool --help: nothing on stderr"
	is "$(printf '%s\n' "$OUT" | awk 'length > 80')" '' \
		"$tool --help: fits 80 columns"

	run "$tool" --version
	is "$STATUS:$OUT:$ERR" "0:$tool $version:" "$tool --version"

	run "$tool" --no-such-option
	is "$STATUS" 64 "$tool --no-such-option: status 64"
	is "$OUT" '' "$tool --no-such-option: nothing on stdout"
	like "$ERR" "^$tool: unknown option --no-such-option" \
		"$tool --no-such-option: says so"
	like "$ERR" "Try '$tool --help'" "$tool --no-such-option: says where to look"

	# stdout that cannot be written to must not go unnoticed.
	"$tool" --help >/dev/full 2>"$DIR/full"
	isnt $? 0 "$tool --help >/dev/full: fails"
done
done_testing
