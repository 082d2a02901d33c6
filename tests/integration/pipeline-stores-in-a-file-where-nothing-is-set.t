#!/usr/bin/env bash
# Who has no database has one all the same: pipeline.sh stores in SQLite then, in
# a file of its spool, and `make run` shows how it is used, and goes on until
# Ctrl-C, which loads what is left.
. "$(dirname "$0")/../lib.sh"

sql() {
	sqlite3 -batch "$DB_FILE" "$1"
}

spool_new
DB_FILE=$SPOOL/logs.db
begin() {
	start pipeline env PIPELINE_BIN="$BUILD" LOGRECV_LISTEN=127.0.0.1:0 \
		SPOOL="$SPOOL" "$@" "$TOP/pipeline.sh"
	wait_log pipeline ' listening address=' || give_up 'it does not listen'
	PORT=$(log_since pipeline |
		sed -n 's/.* listening address=.*:\([0-9]*\).*/\1/p' | tail -n 1)
	URL=http://127.0.0.1:$PORT
}
begin
like "$(log_since pipeline)" "no database is set .*: storing in sqlite:$DB_FILE" \
	'it says where it stores'
ok 'an event is taken' send_event '{"event":"hello"}'
stop pipeline
is "$STATUS/$(rows)" 0/1 'and is a row there'
run logload --check --spool "$SPOOL" --db "sqlite:$DB_FILE"
is "$STATUS" 0 'the file is at home in the spool'

echo '[client]' >"$HOME/.my.cnf"
begin
unlike "$(log_since pipeline)" 'storing in' 'a my.cnf says where to go'
stop pipeline
rm "$HOME/.my.cnf"
begin LOGLOAD_DB="sqlite:$DIR/mine.db"
unlike "$(log_since pipeline)" 'storing in' 'so does LOGLOAD_DB'
ok 'that is it' wait_for test -e "$DIR/mine.db"
stop pipeline
run logload --spool "$SPOOL" --once
is "$STATUS" 64 'logload by itself does not choose'
like "$ERR" 'where is the database\? give --db' 'it asks'

# --- make run

PORT=$(tests_free_port)
URL=http://127.0.0.1:$PORT
DB_FILE="$DIR/it's mine/logs.db"
# As a terminal would have it: in a group that Ctrl-C is for.
begin_try() {
	cd "$DIR" || exit 1
	start try env --default-signal=INT PIPELINE_BIN="$BUILD" \
		SPOOL="it's mine" LOGRECV_LISTEN="127.0.0.1:$PORT" \
		"$TOP/cmd/pipeline/try"
	cd "$TOP" || exit 1
}
says() {
	grep -qF -e "$1" "$DIR/try.out"
}
begin_try
ok 'it shows what it does' wait_for -t 60 says 'until you press Ctrl-C'
out=$(cat "$DIR/try.out")
like "$out" "No database is set .*: storing in sqlite:it's mine/logs.db" \
	'where it stores'
like "$out" "
\\$ curl -s -d '.*user_login.*' $URL/log
\{\"accepted\":1\}" 'what it sends, and the answer'
like "$out" "
\\$ sqlite3 -box 'it'\\\\''s mine/logs.db' '.*SELECT received_at" \
	'what it asks, in words of a shell'
for event in user_login page_view payment; do
	like "$out" "│ $event +│" "the row of $event"
done
for word in send query stop; do
	like "$out" "
    $word " "how to $word"
done
is "$(rows)" 3 'three rows'
ok 'it goes on' send_event '{"event":"later"}'
kill -INT -- "-$(pid try)"
wait_exit try
is "$STATUS/$(rows)" 0/4 'until Ctrl-C, which loads what is left'

# shellcheck disable=SC2016 # the code in quotes is Perl
start other perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 5,
	    LocalPort => $ARGV[0], ReuseAddr => 1) or die "bind: $!";
	while (my $c = $s->accept) { print $c "HTTP/1.0 404 No\r\n\r\n" }' "$PORT"
taken() {
	curl -qs -o "$DIR/null" "$URL"
}
wait_for taken
begin_try
wait_exit try
is "$STATUS" 1 'a port that is taken: it ends'
like "$(log_since try)" 'listens on .* LOGRECV_LISTEN=' 'and says what to do'
stop other
done_testing
