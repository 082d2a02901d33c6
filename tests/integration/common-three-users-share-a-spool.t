#!/usr/bin/env bash
# Each tool with a user of its own, all in one group, which the spool belongs
# to: what the first one makes, the others may use, and nobody else may. Also
# where a login shell or a unit has a umask that keeps everything private.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"

[ "$(id -u)" -eq 0 ] || skip_all 'only root can be several users'
MASK=022
receiver=62001 batcher=62002 loader=62003 group=62000 stranger=62009

# as USER: sets AS, the words in front of a command, for `run` and `start`: with a
# group of his own, and that of the spool besides, and the umask MASK
as() {
	AS=(setpriv "--reuid=$1" "--regid=$1" "--groups=$group" --
		sh -c "umask $MASK; exec \"\$@\"" sh)
}

can_run() {
	as "$receiver"
	"${AS[@]}" "$DIR/bin/logrecv" --version >/dev/null 2>&1
}

# The test itself looks into the database, and SQLite makes a file beside it by
# the umask first and gives it the right mode then: a loader that starts between
# these two would be kept out.
umask 0

# Where everybody comes to.
chmod 711 "$DIR"
mkdir "$DIR/bin"
cp "$BUILD/logrecv" "$BUILD/logbatch" "$BUILD/logload" "$DIR/bin"
chmod 755 "$DIR/bin" "$DIR"/bin/*
can_run || skip_all 'other users cannot run what was built'
db_start
if [ "$DB" = sqlite ]; then # its file is for all of them
	make_tables
	chmod 777 "${DB_FILE%/*}"
	chmod 666 "$DB_FILE"
fi
PATH=$DIR/bin:$PATH
counted() { [ "$(metric logload logload_files_loaded_total)" = 3 ]; }

shown() {
	URL=$ADMIN_URL http GET /metrics
	[[ $BODY == *'logload_files_loaded_total 3'* ]]
}

# all_of_it UMASK: what the tools do, started with it
all_of_it() {
	local rows i tool

	rows=$(rows)
	MASK=$1
	spool_new
	install -d -o root -g "$group" -m 2770 "$SPOOL"

	as "$receiver"
	start logrecv "${AS[@]}" logrecv --listen 127.0.0.1:0 --spool "$SPOOL"
	wait_log logrecv ' listening for operators '
	PORT=$(log_since logrecv |
		sed -n 's/.* listening address=.*:\([0-9]*\) .*/\1/p')
	URL=http://127.0.0.1:$PORT
	ADMIN_URL=http://127.0.0.1:$(log_since logrecv |
		sed -n 's/.* listening for operators address=.*://p')
	as "$batcher"
	start logbatch "${AS[@]}" logbatch --spool "$SPOOL" --max-age=200ms
	as "$loader"
	start logload "${AS[@]}" logload --db "$DB_URL" --spool "$SPOOL"
	for i in 1 2 3; do
		ok "event $i is taken" send_event "{\"n\":$i}"
		ok "and becomes a row" wait_rows $((rows + i))
	done
	ok 'nothing is left' wait_for no_files ready
	is "$(stat -c %a:%g "$SPOOL"/*/ | sort -u)" "2770:$group" \
		'the places are for the group'
	is "$(find "$SPOOL" -perm /o+rwx | wc -l)" 0 'and nothing is for others'
	is "$(find "$SPOOL/metrics" -name '*.prom' ! -perm 640)" '' \
		'each may read the metrics'
	ok 'there are metrics' wait_for counted
	ok 'which logrecv shows' wait_for shown

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
		unlike "$(log_since "$tool")" ' (warn|error) ' \
			'  and met no trouble'
	done
}

all_of_it 022
all_of_it 077
done_testing
