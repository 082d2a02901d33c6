#!/usr/bin/env bash
# `make deps` says what it installs, asks no question, uses sudo where it is
# not root, and does nothing where nothing is missing. The package tools are
# stand-ins here that write down how they are called.
. "$(dirname "$0")/../lib.sh"

mkdir "$DIR/bin"
stand_in() {
	printf '#!/bin/sh\n%s\n' "$2" >"$DIR/bin/$1"
	chmod 755 "$DIR/bin/$1"
}
# shellcheck disable=SC2016
{
	stand_in dpkg-query 'for last; do :; done
		grep -qx "$last" "$DIR/there" && echo installed; exit 0'
	stand_in apt-get 'echo "apt-get $* ${DEBIAN_FRONTEND:-}" >>"$DIR/calls"'
	stand_in apt-cache 'grep -qx "$2" "$DIR/known"'
	stand_in sudo 'echo sudo >>"$DIR/calls"; exec "$@"'
	stand_in id 'cat "$DIR/uid"'
}
export DIR

try() {
	: >"$DIR/calls"
	run env PATH="$DIR/bin:$PATH" sh "$TOP/tests/deps" "$@"
}

echo 0 >"$DIR/uid"
printf '%s\n' a b c mariadb-server-core >"$DIR/known"
printf '%s\n' a b >"$DIR/there"
try a b
is "$STATUS" 0 'nothing is missing: fine'
is "$(cat "$DIR/calls")" '' 'nothing is done'

try a c
is "$STATUS" 0 'c is missing: fine'
like "$OUT" 'installing with apt-get: c' 'says what it installs'
like "$(cat "$DIR/calls")" 'apt-get -q update' 'looks for new lists'
like "$(cat "$DIR/calls")" 'apt-get -q install -y .* c noninteractive' \
	'installs it without a question'
unlike "$(cat "$DIR/calls")" 'sudo' 'as root without sudo'

try c mariadb-server-core
like "$(cat "$DIR/calls")" 'install.* mariadb-server-core ' \
	'the database without what would start it'
echo c >"$DIR/known"
try c mariadb-server-core
like "$(cat "$DIR/calls")" 'install.* mariadb-server ' \
	'by the name that an older release has for it'

echo 1000 >"$DIR/uid"
try c
is "$(grep -c sudo "$DIR/calls")" 2 'not root: with sudo'

stand_in apt-get 'exit 100'
try c
isnt "$STATUS" 0 'a failed installation fails'
done_testing
