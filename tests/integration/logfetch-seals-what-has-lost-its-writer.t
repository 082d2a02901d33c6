#!/usr/bin/env bash
# A host that has died in the middle of a file keeps nobody waiting; and if it
# comes back after all, each line is there once. A fetcher that has died keeps
# nothing either. What cannot be right is told, and keeps no other file back.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../nats-lib.sh"

nats_start
ok 'the stream is made' nats_ready
mkdir -m 750 "$DIR/a" "$DIR/a/ready" "$DIR/b" "$DIR/c"

name=20261130T090001.123456Z-host-1-1-abcd0001
subject=LOGS.f.${name/./=}=ndjson
append() { nats_request "$subject" "$1" "Log-Bytes: $2"; } # as a writer does

printf '%s\n' '{"n":1}' '{"n":2}' '{"n":3}' >"$DIR/whole"
like "$(append $'{"n":1}\n{"n":' 13)" '"seq"' 'a writer appends, and dies'
start fetch logfetch --orphan-after 1s --spool "$DIR/b" "${SERVERS[@]}"
ok 'the file is sealed, and fetched' wait_for test -f "$DIR/b/ready/$name.ndjson"
is "$(cat "$DIR/b/ready/$name.ndjson")" $'{"n":1}\n{"n":' 'as far as it was'
cp "$DIR/whole" "$DIR/a/ready/$name.ndjson"
sleep 0.1
touch -d '1 minute ago' "$DIR/a/ready/$name.ndjson"
run logship --once --spool "$DIR/a" "${SERVERS[@]}"
is "$STATUS" 0 'the writer comes back'
ok 'its file is shipped' test ! -e "$DIR/a/ready/$name.ndjson"
rest="$DIR/b/ready/$name+from-8.ndjson"
ok 'the rest is a file of its own' wait_for test -f "$rest"
is "$(cat "$rest" 2>/dev/null)" $'{"n":2}\n{"n":3}' 'from the line on that was cut'

# It has left ready/: the stream forgets it, and not before. Of what was cut,
# the seal stays.
is "$(nats_files)" 2 'the stream has both until they were loaded'
mkdir -p "$DIR/b/loaded"
mv "$DIR"/b/ready/*.ndjson "$DIR/b/loaded/"
ok 'then it has none' wait_for nats_has_none

# Shipped again, as after a kill before the file was removed: the same names.
cp "$DIR/whole" "$DIR/a/ready/$name.ndjson"
touch -d '1 minute ago' "$DIR/a/ready/$name.ndjson"
run logship --once --spool "$DIR/a" "${SERVERS[@]}"
is "$STATUS" 0 'what was forgotten may be shipped again'
ok 'what is in loaded/ is forgotten at once' wait_for nats_has_none
is "$(find "$DIR/b/ready" -name '*.ndjson' | wc -l)" 0 'and not loaded twice'

# The same where its first part was loaded before the writer comes back.
late=20261130T090001.223456Z-host-1-9-abcd0009
like "$(nats_request "LOGS.f.${late/./=}=ndjson" $'{"n":1}\n' 'Log-Bytes: 8')" \
	'"seq"' 'another writer dies'
ok 'what it has written is fetched' wait_for test -f "$DIR/b/ready/$late.ndjson"
mv "$DIR"/b/ready/*.ndjson "$DIR/b/loaded/"
ok 'and forgotten' wait_for nats_has_none
stop fetch # and another process knows it is a seal alone
trap '' XFSZ
start fetch logfetch --orphan-after 1s --spool "$DIR/b" "${SERVERS[@]}"
trap - XFSZ
printf '{"n":' | cat "$DIR/whole" - >"$DIR/a/ready/$late.ndjson"
touch -d '1 minute ago' "$DIR/a/ready/$late.ndjson"
run logship --once --spool "$DIR/a" "${SERVERS[@]}"
is "$STATUS" 0 'the writer comes back with more'
ok 'which is fetched' wait_for test -f "$DIR/b/ready/$late+from-8.ndjson"
is "$(cat "$DIR/b/ready/$late+from-8.ndjson")" $'{"n":2}\n{"n":3}' \
	'but not again what was loaded, nor a torn tail'
ok 'which is no file' [ ! -e "$DIR/b/ready/$late.ndjson" ]
mv "$DIR"/b/ready/*.ndjson "$DIR/b/loaded/"
ok 'that is forgotten, too' wait_for nats_has_none
unlike "$(cat "$DIR/fetch.log")" 'has a gap' 'a seal alone is no file with a gap'

# A shipper takes files from ready/, so a fetcher may not be there.
run logship --once --spool "$DIR/b" "${SERVERS[@]}"
is "$STATUS" 74 "a fetcher's spool is not shipped"
like "$ERR" 'a spool of its own' 'it is said why'

# What it cannot write it leaves to others.
prlimit --pid "$(pid fetch)" --fsize=8000:8000
big=20261130T090001.323456Z-host-1-8-abcd0008
for i in {1..500}; do echo "{\"n\":$i,\"pad\":\"xxxxxxxxxxxxxxxxxxxxxxxx\"}"; done \
	>"$DIR/a/ready/$big.ndjson"
touch -d '1 minute ago' "$DIR/a/ready/$big.ndjson"
run logship --once --spool "$DIR/a" "${SERVERS[@]}"
ok 'a file that cannot be written is told' wait_log fetch "$big.*File too large"
start other logfetch --spool "$DIR/c" "${SERVERS[@]}"
ok 'and fetched by another one' wait_for test -f "$DIR/c/ready/$big.ndjson"
stop other
mv "$DIR"/c/ready/*.ndjson "$DIR/c/loaded/"

# A fetcher that has died with a file, and another one.
stop fetch
second=20261130T090002.123456Z-host-1-2-abcd0002.ndjson
cp "$DIR/whole" "$DIR/a/ready/$second"
touch -d '1 minute ago' "$DIR/a/ready/$second"
run logship --once --spool "$DIR/a" "${SERVERS[@]}"
run logfetch --once --spool "$DIR/b" "${SERVERS[@]}"
is "$STATUS" 0 'one fetches it'
ok 'it is there' test -f "$DIR/b/ready/$second"
run logfetch --once --spool "$DIR/c" "${SERVERS[@]}"
ok 'another one leaves it alone' test ! -e "$DIR/c/ready/$second"
start other logfetch --orphan-after 1s --spool "$DIR/c" "${SERVERS[@]}"
ok 'until that one is silent for long' wait_for test -f "$DIR/c/ready/$second"
ok 'which is told' wait_log other 'takes over file='
stop other

# A gap: told, and no other file waits for it.
bad=20261130T090000.123456Z-host-1-3-abcd0003
third=20261130T090003.123456Z-host-1-4-abcd0004.ndjson
nats_request "LOGS.f.${bad/./=}=ndjson" $'{"n":1}\n' 'Log-Bytes: 99' >/dev/null
nats_request "LOGS.f.${bad/./=}=ndjson" '' 'Log-Bytes: 99' >/dev/null
cp "$DIR/whole" "$DIR/a/ready/$third"
touch -d '1 minute ago' "$DIR/a/ready/$third"
run logship --once --spool "$DIR/a" "${SERVERS[@]}"
start other logfetch --spool "$DIR/c" "${SERVERS[@]}"
ok 'others are fetched' wait_for test -f "$DIR/c/ready/$third"
ok 'a gap is told' wait_log other "$bad.*has a gap"
ok 'it stays in the stream' [ ! -e "$DIR/c/ready/$bad.ndjson" ]

# All servers away: files wait, and go when these come back.
fourth=20261130T090004.123456Z-host-1-5-abcd0005.ndjson
start ship logship --wait 1s --spool "$DIR/a" "${SERVERS[@]}"
ok 'a shipper is there' wait_log ship 'ready spool='
for n in 1 2 3; do nats_kill "$n"; done
cp "$DIR/whole" "$DIR/a/ready/$fourth"
touch -d '1 minute ago' "$DIR/a/ready/$fourth"
ok 'without servers it waits, and says so' wait_log ship 'files wait' 30
ok 'the file stays' test -f "$DIR/a/ready/$fourth"
nats_start
ok 'it goes when they are back' wait_for -t 60 test -f "$DIR/c/ready/$fourth"
is "$(cat "$DIR/c/ready/$fourth")" "$(cat "$DIR/whole")" 'whole'
stop ship
is "$STATUS" 0 'the shipper ends in order'
stop other
is "$STATUS" 0 'and so does the fetcher'
done_testing
