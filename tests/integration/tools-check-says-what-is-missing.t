#!/usr/bin/env bash
# `make check` installs nothing: on a machine where something is missing it
# says what, and how to get it, before it builds anything.
. "$(dirname "$0")/../lib.sh"

try() {
	run env -u MAKEFLAGS -u MAKELEVEL "$@" make -C "$TOP" \
		--no-print-directory check BUILD="$DIR/build"
}

try PKG_CONFIG_LIBDIR=/nonexistent PKG_CONFIG_PATH=/nonexistent
isnt "$STATUS" 0 'without the libraries: fails'
for package in libevent-dev libjson-c-dev default-libmysqlclient-dev \
	libsqlite3-dev zlib1g-dev libzstd-dev libssl-dev libsnappy-dev; do
	like "$ERR" "$package" "names $package"
done
like "$ERR" 'make deps' 'and how to get them'
ok 'nothing was built' test ! -e "$DIR/build"

# A PATH that has all but the database.
mkdir "$DIR/bin"
IFS=: read -ra folders <<<"$PATH"
for folder in "${folders[@]}"; do
	[ "$folder" != "$BUILD" ] || continue
	for program in make sh env cc gcc ar pkg-config perl prove curl setpriv \
		flock timeout ps gzip zstd nproc; do
		[ -e "$DIR/bin/$program" ] || [ ! -x "$folder/$program" ] ||
			ln -s "$folder/$program" "$DIR/bin/$program"
	done
done
# The Makefile looks into the folders of daemons too; so does this test.
if [ -x /usr/sbin/mariadbd ] || [ -x /usr/local/sbin/mariadbd ]; then
	missing='mariadb-client-core \(mariadb\)'
else
	missing='mariadb-server-core \(mariadbd\)'
fi
try PATH="$DIR/bin"
isnt "$STATUS" 0 'without the database: fails'
like "$ERR" "$missing" 'names it'
unlike "$ERR" 'curl' 'and not what is there'
like "$ERR" 'make deps' 'and how to get it'
done_testing
