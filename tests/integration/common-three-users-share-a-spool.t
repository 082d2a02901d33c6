#!/usr/bin/env bash
# Each tool with a user of its own, all in one group, which the spool belongs
# to: what the first one makes, the others may use, and nobody else may.
. "$(dirname "$0")/../lib.sh"

[ "$(id -u)" -eq 0 ] || skip_all 'only root can be several users'
receiver=62001 batcher=62002 loader=62003 group=62000 stranger=62009

# as USER: sets AS, the words in front of a command, for `run` and `start`: with a
# group of his own, and that of the spool besides
as() {
	AS=(setpriv "--reuid=$1" "--regid=$1" "--groups=$group" --)
}

can_run() {
	as "$receiver"
	"${AS[@]}" "$DIR/bin/logrecv" --version >/dev/null 2>&1
}

# Where everybody comes to.
chmod 711 "$DIR"
mkdir "$DIR/bin"
cp "$BUILD/logrecv" "$BUILD/logbatch" "$BUILD/logload" "$DIR/bin"
chmod 755 "$DIR/bin" "$DIR"/bin/*
can_run || skip_all 'other users cannot run what was built'
mariadb_start
spool_new
install -d -o root -g "$group" -m 2770 "$SPOOL"

PATH=$DIR/bin:$PATH
as "$receiver"
start logrecv "${AS[@]}" logrecv --listen 127.0.0.1:0 --spool "$SPOOL"
wait_log logrecv ' listening '
PORT=$(sed -n 's/.* listening address=.*:\([0-9]*\) .*/\1/p' "$DIR/logrecv.log")
URL=http://127.0.0.1:$PORT
as "$batcher"
start logbatch "${AS[@]}" logbatch --spool "$SPOOL" --max-age=200ms
as "$loader"
start logload "${AS[@]}" logload --db "$DB_URL" --spool "$SPOOL"
for i in 1 2 3; do
	ok "event $i is taken" send_event "{\"n\":$i}"
	ok "and becomes a row" wait_rows "$i"
done
ok 'nothing is left' wait_for no_files ready
is "$(stat -c %a:%g "$SPOOL"/*/ | sort -u)" "2770:$group" \
	'the places are for the group'
is "$(find "$SPOOL" -perm /o+rwx | wc -l)" 0 'and nothing is for others'
counted() { [ "$(metric logload logload_files_loaded_total)" = 3 ]; }
ok 'there are metrics' wait_for counted

# A second loader, of another user, claims files beside the first one.
as "$batcher"
run "${AS[@]}" logload --db "$DB_URL" --spool "$SPOOL" --once
is "$STATUS" 0 'another user of the group may load, too'
run setpriv --reuid="$stranger" --regid="$stranger" --clear-groups -- \
	logbatch --spool "$SPOOL" --once
isnt "$STATUS" 0 'a stranger may do nothing'
for tool in logrecv logbatch logload; do
	stop "$tool"
	is "$STATUS" 0 "$tool stops with status 0"
	unlike "$(cat "$DIR/$tool.log")" ' (warn|error) ' '  and met no trouble'
done
done_testing
