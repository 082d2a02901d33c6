#!/usr/bin/env bash
# `make` builds the drivers whose libraries are there, and says which. An
# address of another database gets an answer that tells how to have it.
. "$(dirname "$0")/../lib.sh"

# All libraries but that of MySQL and MariaDB.
mkdir "$DIR/pc"
for folder in $(pkg-config --variable pc_path pkg-config | tr : ' '); do
	for module in "$folder"/*.pc; do
		case $module in *'*'* | *mysql* | *maria*) ;;
		*) ln -sf "$module" "$DIR/pc/" ;;
		esac
	done
done
run env -u MAKEFLAGS -u MAKELEVEL PKG_CONFIG_LIBDIR="$DIR/pc" make -C "$TOP" \
	--no-print-directory -j2 BUILD="$DIR/build" OPTIMIZE=-O0 \
	"$DIR/build/logload"
is "$STATUS" 0 'it is built'
like "$OUT" 'not mysql, which needs default-libmysqlclient-dev' \
	'says which driver is left out, and why'

PATH=$DIR/build:$PATH
echo '{"event":"a"}' >"$DIR/a.ndjson"
for scheme in mysql mariadb; do
	run logload --db "$scheme://logs@127.0.0.1/logs" "$DIR/a.ndjson"
	is "$STATUS" 64 "$scheme:// is refused"
	like "$ERR" "without $scheme://; install default-libmysqlclient-dev" \
		'and how to get it'
done
run logload --db "sqlite:$DIR/logs.db" "$DIR/a.ndjson"
is "$STATUS" 0 'another database is served all the same'
run logload "$DIR/a.ndjson"
is "$STATUS" 64 'without an address: a usage error'
done_testing
