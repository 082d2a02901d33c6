#!/usr/bin/env bash
# A worker that cannot wait for events any more would keep its socket, and with
# it a share of the clients whom nobody answers: the process ends, with 74, so
# that it is started anew.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

spool_new
faults_start --workers=3
ok 'events are taken' send_event '{"a":1}'
: >"$FAULTS/blind"
# Who waits already does so until something comes; the others may be lucky.
for _ in 1 2 3 4 5 6; do
	post '{"a":2}' --max-time 1
	[ "$CODE" = 200 ] || break
done
ok 'it ends' wait_exit logrecv
is "$STATUS" 74 'with status 74'
ok 'its log says why' wait_log logrecv 'wait for events: '
is "$(stored | grep -c '"a":1')" 1 'what was acknowledged is there'
done_testing
