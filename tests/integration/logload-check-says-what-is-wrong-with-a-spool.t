#!/usr/bin/env bash
# After a bad day an operator asks what is where, what is torn and what the
# ledger says. The answer changes nothing, needs no database, and its exit
# status tells a script whether somebody has to look.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

spool_new

check() {
	run logload --check --spool "$SPOOL" "$@"
}

# Is there a line of that kind about that file?
tells() {
	like "$OUT" "(^|
)$1" "$2"
}

# All that a look must not change.
state() {
	find "$SPOOL" -exec stat -c '%n %F %i %Y %Z %s %a' {} + | sort
	find "$SPOOL" -type f -exec cksum {} + | sort
}

spooled() {
	printf '20260101T%06d.000000Z-h-1-%d.ndjson' "$1" "$1"
}

check
is "$STATUS" 74 'no spool: status 74'
mkdir "$SPOOL"
check
is "$STATUS" 65 'no directories in it: status 65'
like "$OUT" 'wrong buffer/: there is no such directory' 'said so'
like "$OUT" 'note loaded/: there is no such directory' \
	'a note where no event is lost with it'
ok 'and none is made' rmdir "$SPOOL"

# --- a spool in order

logrecv_start
logbatch_start --max-age 1h
send_event '{"event":"first"}'
events 5 >"$SPOOL/ready/$(ready 1)"
events 3 >"$SPOOL/loaded/$(ready 2)"
before=$(state)
check
is "$STATUS" 0 'all is well: status 0'
is "$ERR" '' 'nothing on stderr'
like "$OUT" 'buffer: files=1 bytes=[0-9]+ events=1 oldest_seconds=[0-9]+ open=1' \
	'a writer has its file open'
like "$OUT" "ready: files=1 bytes=$(stat -c %s "$SPOOL/ready/$(ready 1)") events=5" \
	'files, bytes, events'
like "$OUT" 'rejected: files=0 bytes=0 events=0 oldest_seconds=0' 'and none'
like "$OUT" 'loaded: files=1 ' 'loaded'
like "$OUT" 'checked: wrong=0 notes=0 ledger=not-asked' 'and the sum'
is "$(state)" "$before" 'nothing has changed'
# A line that is being written is nobody's fault.
printf '{"event":"torn' >>"$(echo "$SPOOL"/buffer/*)"
check
is "$STATUS" 0 'a torn line under the writer: status 0'
kill_hard logrecv
check
is "$STATUS" 0 'and when he has died, for nobody was told that it is stored'
tells "note buffer/[^ ]*: torn: bytes=14 behind the last line break, text" \
	'with the bytes'
like "$OUT" ' open=0' 'nobody has it open'
tells 'note metrics/logrecv.prom: ended' 'its metrics are of a dead process'
unlike "$OUT" 'logbatch.prom' 'those of a living one are not'
stop logbatch
rm -rf "${SPOOL:?}"/*/*

# --- what is wrong with files

{ events 2; printf '\0\0\0\0\0'; } >"$SPOOL/ready/$(spooled 1)"
{ events 2; printf '\0\1\2'; } >"$SPOOL/ready/$(spooled 2)"
{ events 2; echo 'no event'; events 1; echo '[]'; } >"$SPOOL/ready/$(spooled 3)"
: >"$SPOOL/ready/$(spooled 4)"
events 4 | gzip -c >"$SPOOL/ready/packed.ndjson"
events 4 | gzip -c | head -c 30 >"$SPOOL/ready/cut.ndjson"
{ events 2; printf '{'; } >"$SPOOL/loaded/$(spooled 5)"
before=$(state)
check
is "$STATUS" 65 'status 65'
tells "note ready/$(spooled 1): torn: bytes=5 behind the last line break, zeros" \
	'a tail of zeros'
tells "wrong ready/$(spooled 2): torn: bytes=3 behind the last line break, binary" \
	'a binary tail, which no writer leaves'
tells "note ready/$(spooled 3): not events: lines=2 first=3 offset=66 not JSON" \
	'lines that are no events, which will be records'
tells 'wrong ready/cut.ndjson: damaged: ' 'a compressed file that ends too soon'
tells "note loaded/$(spooled 5): torn: " 'what is loaded is torn: a note'
unlike "$OUT" 'packed.ndjson|20260101T000004' 'good and empty ones are not named'
like "$OUT" 'ready: files=6 bytes=[0-9]+ events=11 ' 'all events are counted'
is "$(state)" "$before" 'nothing has changed'
rm -rf "${SPOOL:?}"/*/*

# --- what is not of a spool

mkdir "$SPOOL/ready/directory.ndjson"
mkfifo "$SPOOL/ready/pipe.ndjson"
ln -s /etc/passwd "$SPOOL/ready/link.ndjson"
echo '{}' >"$SPOOL/ready/no-suffix"
echo '{}' >"$SPOOL/ready/$(printf 'new\nline').ndjson"
echo '{}' >"$SPOOL/buffer/not-of-logrecv.ndjson"
echo '{}' >"$SPOOL/loaded/no-suffix"
echo '{}' >"$SPOOL/ready/.hidden"
echo '{' >"$SPOOL/rejected/.$(spooled 1).0123abcd-1.tmp"
echo '{}' >"$SPOOL/rejected/no-record.ndjson"
before=$(state)
check
is "$STATUS" 65 'aliens: status 65'
for name in directory pipe link; do
	tells "wrong ready/$name.ndjson: alien: not a regular file" "a $name"
done
tells 'wrong ready/no-suffix: alien: no tool takes' 'another suffix'
tells 'wrong ready/new\\x0aline.ndjson: alien: ' 'a line break is escaped'
tells 'wrong buffer/not-of-logrecv.ndjson: alien: ' 'in buffer/'
tells 'note loaded/no-suffix: alien: ' 'a note where no event is kept from its row'
tells 'note ready/.hidden: hidden: ' 'a hidden file'
tells "note rejected/.$(spooled 1).0123abcd-1.tmp: stray: .*: bytes=2" 'a draft'
tells 'wrong rejected/no-record.ndjson: damaged: it has no records' \
	'no records in rejected/'
is "$(state)" "$before" 'nothing has changed'
rm -rf "${SPOOL:?}"/*/* "$SPOOL/ready/.hidden" "$SPOOL/rejected"/.*.tmp

if [ "$(id -u)" -eq 0 ]; then
	echo '{}' >"$SPOOL/ready/secret.ndjson"
	chmod 0 "$SPOOL/ready/secret.ndjson"
	chmod 755 "$DIR"
	run setpriv --reuid 65534 --clear-groups logload --check --spool "$SPOOL"
	is "$STATUS" 74 'a file that may not be read: status 74'
	tells 'wrong ready/secret.ndjson: unreadable: open: Permission denied' \
		'with the reason'
	rm -f "$SPOOL/ready/secret.ndjson"
	chmod 700 "$SPOOL/loaded"
	run setpriv --reuid 65534 --clear-groups logload --check --spool "$SPOOL"
	is "$STATUS" 74 'a directory that may not be read: status 74'
	tells 'wrong loaded/: unreadable: open: Permission denied' 'and which'
fi

# --- again and again

said() {
	[ "$(grep -c '^checked: ' "$DIR/watch.out")" -ge "$1" ]
}

mv "$SPOOL/ready" "$DIR/ready"
start watch logload --check --watch --spool "$SPOOL"
ok '--watch says it' wait_for said 1
mv "$DIR/ready" "$SPOOL/ready"
ok 'again' wait_for said 2
stop watch
ok 'as it is then' grep -q '^ready: files=0 ' "$DIR/watch.out"
not_ok 'and clears nothing but a terminal' grep -q $'\e' "$DIR/watch.out"

# --- many

seq 3000 | while read -r n; do
	: >"$SPOOL/loaded/$(spooled "$n")"
done
check
is "$STATUS" 0 'thousands of files: status 0'
like "$OUT" 'loaded: files=3000 ' 'counted'

for arguments in "$SPOOL/x" --once --force --dry-run --retry-rejected; do
	check "$arguments"
	is "$STATUS" 64 "--check does not go with ${arguments##*/}: status 64"
done
export LOGLOAD_KEEP=1
check
is "$STATUS" 0 'a variable of the pipeline does no harm'
unset LOGLOAD_KEEP
run logload --check
is "$STATUS" 64 '--check without --spool: status 64'
run logload --watch --spool "$SPOOL" --db sqlite::memory:
is "$STATUS" 64 '--watch without --check: status 64'
logload --check --spool "$SPOOL" >/dev/full 2>"$DIR/full"
is "$?" 74 'a report that cannot be printed: status 74'
done_testing
