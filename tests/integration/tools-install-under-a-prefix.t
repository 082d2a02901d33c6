#!/usr/bin/env bash
# `make install` puts programs and man pages under DESTDIR and PREFIX, nothing
# else and nowhere else; `make uninstall` removes them again.
. "$(dirname "$0")/../lib.sh"

root=$DIR/root
make_quietly() {
	make -s -C "$TOP" --no-print-directory BUILD="$BUILD" \
		DESTDIR="$root" PREFIX=/opt/logs "$@"
}

ok 'install' make_quietly install
(cd "$root" && find . -type f | sort) >"$DIR/got"
sort >"$DIR/want" <<'LIST'
./opt/logs/bin/logbatch
./opt/logs/bin/logfetch
./opt/logs/bin/logload
./opt/logs/bin/logrecv
./opt/logs/bin/logsend
./opt/logs/bin/logship
./opt/logs/bin/pipeline.sh
./opt/logs/share/man/man1/logsend.1
./opt/logs/share/man/man7/logs.7
./opt/logs/share/man/man8/logbatch.8
./opt/logs/share/man/man8/logload.8
./opt/logs/share/man/man8/logfetch.8
./opt/logs/share/man/man8/logrecv.8
./opt/logs/share/man/man8/logship.8
./opt/logs/share/man/man8/pipeline.sh.8
LIST
ok 'programs and man pages, nothing else' diff "$DIR/want" "$DIR/got"
is "$(find "$root/opt/logs/bin" -type f ! -perm 755)" '' 'programs: mode 755'
is "$(find "$root/opt/logs/share" -type f ! -perm 644)" '' 'pages: mode 644'
for tool in logrecv logbatch logload logsend logship logfetch; do
	run "$root/opt/logs/bin/$tool" --version
	is "$STATUS" 0 "$tool runs from there"
done
ok 'install over it' make_quietly install
ok 'uninstall' make_quietly uninstall
is "$(find "$root" -type f)" '' 'nothing is left'
ok 'uninstall once more' make_quietly uninstall
done_testing
