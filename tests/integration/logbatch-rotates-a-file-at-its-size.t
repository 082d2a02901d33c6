#!/usr/bin/env bash
# A file that reaches --max-size is in ready/ 100 ms later, whole, while one
# byte less leaves it alone; and it takes the last line with it.
# alone: how soon it rotates
. "$(dirname "$0")/../lib.sh"

# name SEQUENCE: a buffer file's name, born now
name() {
	date -u "+%Y%m%dT%H%M%S.%6NZ-test-1-$1.ndjson"
}

# ms_until_ready NAME: how long until it is there
ms_until_ready() {
	local began

	began=$(now_ms)
	wait_for -t 5 test -e "$SPOOL/ready/$1" || return 1
	echo $(($(now_ms) - began))
}

spool_new
logbatch_start --max-size=100kB --max-age=1h
ok 'it says that it is ready' wait_log logbatch ' info logbatch: ready '

small=$(name 1)
head -c 99999 /dev/zero >"$SPOOL/buffer/$small"
for i in 2 3 4 5 6; do
	large=$(name "$i")
	head -c 60000 /dev/zero >"$SPOOL/buffer/$large"
	head -c 40000 /dev/zero >>"$SPOOL/buffer/$large"
	took=$(ms_until_ready "$large")
	# The deadline, and what two processes and 20 ms of polling add.
	num "${took:-9999}" -le $((150 * WAIT_SCALE)) \
		"100000 bytes are handed over at once: ${took:-never} ms"
	is "$(stat -c %s "$SPOOL/ready/$large")" 100000 'and whole'
done
ok 'a byte less stays where it is' test -e "$SPOOL/buffer/$small"
printf x >>"$SPOOL/buffer/$small"
ok 'until that byte comes' wait_for -t 2 test -e "$SPOOL/ready/$small"
ok 'its log says so' wait_log logbatch \
	"rotated file=$small bytes=100000 cause=size"

stop logbatch
is "$STATUS" 0 'SIGTERM ends it with status 0'
is "$(metric logbatch 'logbatch_files_rotated_total{cause="size"}')" 6 \
	'the metrics count the files'
is "$(metric logbatch logbatch_bytes_rotated_total)" 600000 'and the bytes'
is "$(metric logbatch logbatch_rotate_seconds_count)" 6 'and the time'
done_testing
