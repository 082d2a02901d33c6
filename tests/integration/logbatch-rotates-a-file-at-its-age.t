#!/usr/bin/env bash
# A file is handed over --max-age after its birth, which its name tells, also
# if its writer died long ago, and also if the wall clock has been set back so
# that the name lies in the future. An empty file is removed by age.
# alone: how soon it rotates
. "$(dirname "$0")/../lib.sh"

# name TIME SEQUENCE: a buffer file's name, born then
name() {
	date -u -d "$1" "+%Y%m%dT%H%M%S.%6NZ-test-1-$2.ndjson"
}

in_ready() {
	[ -e "$SPOOL/ready/$1" ]
}

gone() {
	[ ! -e "$SPOOL/$1" ]
}

spool_new
mkdir -p "$SPOOL/buffer"
orphan=$(name '-1 hour' 1)
echo '{"left":"by a dead logrecv"}' >"$SPOOL/buffer/$orphan"
empty_orphan=$(name '-1 hour' 2)
: >"$SPOOL/buffer/$empty_orphan"

logbatch_start --max-age=3s
ok 'an old file is handed over at the start' wait_for -t 2 in_ready "$orphan"
ok 'its log names the cause' wait_log logbatch "file=$orphan .*cause=age"
ok 'an old empty one is removed' wait_for -t 2 gone "buffer/$empty_orphan"
not_ok 'and not handed over' in_ready "$empty_orphan"

young=$(name '-1 second' 3)
born=$(($(now_ms) - 1000))
echo '{"a":1}' >"$SPOOL/buffer/$young"
future=$(name '+1 hour' 4)
seen=$(now_ms)
echo '{"a":2}' >"$SPOOL/buffer/$future"
empty=$(name now 5)
: >"$SPOOL/buffer/$empty"

wait_for -t 10 in_ready "$young"
age=$(($(now_ms) - born))
num "$age" -ge 2950 "not before its age: $age ms"
num "$age" -le $((3000 + 1000 * WAIT_SCALE)) 'and within a second of it'
wait_for -t 10 in_ready "$future"
age=$(($(now_ms) - seen))
num "$age" -ge 2950 "a name from the future counts from now: $age ms"
num "$age" -le $((3000 + 1000 * WAIT_SCALE)) 'and no longer'
ok 'an empty file is removed by age' wait_for -t 10 gone "buffer/$empty"

stop logbatch
is "$STATUS" 0 'SIGTERM ends it with status 0'
is "$(metric logbatch 'logbatch_files_rotated_total{cause="age"}')" 3 \
	'the metrics count the files'
done_testing
