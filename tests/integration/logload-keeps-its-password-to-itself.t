#!/usr/bin/env bash
# Neither a core dump of logload nor another process of the same user, such as a
# logrecv that was broken into, gets at the password in its memory. No database is
# there.
. "$(dirname "$0")/../lib.sh"

runas=
[ "$(id -u)" -ne 0 ] || runas=nobody
spool_new
mkdir -p "$SPOOL"
[ -z "$runas" ] || { chmod 755 "$DIR" && chown "$runas" "$SPOOL"; }
cp "$BUILD/logload" "$DIR/" # where that user may come
# as_user COMMAND...
as_user() {
	if [ -n "$runas" ]; then
		setpriv --reuid="$runas" --clear-groups "$@"
	else
		"$@"
	fi
}
export LOGLOAD_DB_PASSWORD=tell-nobody
start logload bash -c 'ulimit -c unlimited; exec "$@"' - \
	setpriv ${runas:+--reuid=$runas --clear-groups} \
	"$DIR/logload" --db mysql://logs@127.0.0.1:1/logs --spool "$SPOOL"
wait_log logload ' ready ' || give_up 'it does not start'
main=/proc/$(pid logload)
is "$(awk '/^Max core file size/ { print $5, $6 }' "$main/limits")" '0 0' \
	'no core dumps'
if grep -q __asan_init "$BUILD/logload" || grep -q __tsan_init "$BUILD/logload"; then
	note 'a sanitizer looks into its own memory'
	done_testing
	exit
fi
for file in environ maps; do
	not_ok "its user cannot read $file" \
		as_user head -c 1 "$main/$file"
done
ok 'of another process it can' as_user sh -c 'head -c 1 /proc/$$/environ'
done_testing
