#!/usr/bin/env bash
# Whoever opens the status page at night reads one sentence, and it is right: in
# a browser, on a pipeline that really is so. The numbers are those of what was
# sent, and what a client has put into an event is text.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

browser=$(command -v chromium || command -v chromium-browser ||
	command -v google-chrome) || skip_all 'there is no Chromium'

options=(--headless --no-sandbox --disable-gpu --disable-dev-shm-usage
	--no-first-run --lang=en)

# browse: opens the page; SCREEN is where the browser tells what it shows
browse() {
	start browser "$browser" "${options[@]}" --user-data-dir="$DIR/profile" \
		--remote-debugging-port=0 "$ADMIN_URL/"
	wait_for -t 60 test -s "$DIR/profile/DevToolsActivePort" ||
		skip_all 'Chromium does not start here'
	SCREEN=http://127.0.0.1:$(head -n 1 "$DIR/profile/DevToolsActivePort")
}

# The sentence is the title, too, behind a ! where something is wrong.
shown() {
	curl -q -sS --max-time 10 "$SCREEN/json/list" |
		sed -n 's/^ *"title": "\(.*\)",$/\1/p'
}

says() {
	shown | grep -qE -e "$1"
}

reads() {
	ok "$1" wait_for -t 60 says "$1" || diag "it says: $(shown)"
}

# $DIR/dom, and its text, by a browser that was just opened.
dump() {
	timeout -k 5 60 "$browser" "${options[@]}" \
		--user-data-dir="$DIR/second" --virtual-time-budget=4000 \
		--dump-dom "$ADMIN_URL/" >"$DIR/dom" 2>/dev/null
	perl -pe 's/<[^>]*>/ /g; s/\s+/ /g' "$DIR/dom" >"$DIR/text"
	grep -q 'the database is away, files wait' "$DIR/text"
}

# some N: that many events of 1,000 bytes each
some() {
	perl -e 'print qq({"event":"e","pad":"), "x" x 970, qq("}\n) for 1 .. shift' \
		"$1" >"$DIR/some"
	http POST /log --data-binary "@$DIR/some" --max-time 60
	[ "$CODE" = 200 ] || give_up "events are not taken: $CODE $BODY"
}

DB=sqlite
db_start
spool_new
# A disk that is slow, beside other tests, would be told of; and a browser that
# starts leaves little to others.
logrecv_start --workers=1 --spool-limit=100KB --ack=written --min-rate=0 \
	--request-timeout=60s
logbatch_start --max-age=1h
logload_start
browse
reads '^No events came in the last [0-9]+ [a-z]+; all is ready for them'
some 85
reads '^! The spool is nearly full: 8[0-9] KB wait, room for '
kill_hard logbatch
reads '^! Nothing leaves the buffer: logbatch ended [0-9]+ [a-z]+ ago; 8[0-9] KB wait'
logbatch_start --max-age=100ms
ok 'they become rows' wait_rows 85
reads '^All 85 events of the last [0-9]+ [a-z]+ are rows\.'
post '{"event":"<img src=/x>"}
{"event":oops<b>}'
post 'no'
ok 'another one does' wait_rows 86
reads '^! 1 event of the last .* could not become a row; .* All others of 86 are rows'
db_stop
some 10
reads '^! The database has been away for [0-9]+ [a-z]+; [0-9]+ KB wait, room for '
ok 'why stands on the page, which is there at once' wait_for -t 60 dump
for text in '96 events acknowledged' '86 rows in the last' 'Rejected 1 events' \
	'Refused 1 requests' 'Refused requests, by reason json 1' \
	'expected a value, at byte' 'logload runs'; do
	ok "it has: $text" grep -qF -e "$text" "$DIR/text"
done
ok 'what a client sent is text' grep -qF '&lt;b&gt;}' "$DIR/dom"
kill_hard logload
reads '^! Nothing is loaded: logload ended [0-9]+ [a-z]+ ago'
some 95
reads '^! Events are refused: the spool is over --spool-limit .100000 bytes.'
kill_hard logrecv
reads '^! logrecv does not answer'
done_testing
