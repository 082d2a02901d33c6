#!/usr/bin/env bash
# What logrecv has not put into buffer/ is warned about once and stays.
. "$(dirname "$0")/../lib.sh"

spool_new
mkdir -p "$SPOOL/buffer/directory.ndjson"
echo x >"$SPOOL/buffer/notes.txt"
echo x >"$SPOOL/buffer/by-hand.ndjson"
echo x >"$SPOOL/buffer/.hidden.ndjson"
ln -s /etc/passwd "$SPOOL/buffer/20260101T000000.000000Z-x-1-1.ndjson"
run logbatch --once --spool "$SPOOL"
is "$STATUS" 0 'strangers are no failure'
is "$(find "$SPOOL/ready" -mindepth 1 | wc -l)" 0 'none is handed over'
is "$(find "$SPOOL/buffer" -mindepth 1 | wc -l)" 5 'none is removed'
like "$ERR" 'no buffer files are left alone count=4' 'they are warned about'

logbatch_start --max-age=100ms
ok 'the daemon warns too' wait_log logbatch 'left alone count=4'
own=$(date -u +%Y%m%dT%H%M%S.%6NZ-test-1-1.ndjson)
echo '{}' >"$SPOOL/buffer/$own"
ok 'it does its work beside them' wait_for -t 5 test -e "$SPOOL/ready/$own"
echo x >>"$SPOOL/buffer/notes.txt"
touch "$SPOOL/buffer/more.txt"
ok 'one more stranger is one more warning' wait_log logbatch 'count=5' 5
is "$(log_since logbatch | grep -c 'left alone')" 2 'and no other warning'
stop logbatch
done_testing
