#!/usr/bin/env bash
# Where the system has no memory to wait for connections, no worker stays deaf:
# it says so and tries again.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

answers() {
	[ "$(curl -q -sS -o /dev/null --max-time 2 -w '%{http_code}' \
		"$URL/healthz" 2>/dev/null)" = 200 ]
}

spool_new
mkdir -p "$DIR/faults"
: >"$DIR/faults/deaf"
faults_start --workers=1
ok 'it says that it cannot accept' \
	wait_log logrecv 'warn logrecv: accept connections: .*trying again'
not_ok 'nobody is answered' answers
num "$(log_since logrecv | grep -c 'accept connections')" -eq 1 'said once'
is "$(log_since logrecv | grep -v '^20[^ ]*Z [a-z]* logrecv: ')" '' \
	'what libevent has to say is in lines of the log'
rm "$FAULTS/deaf"
ok 'when there is memory again, clients are answered' wait_for answers
ok 'and takes events' wait_for -t 5 send_event '{}'

: >"$FAULTS/deaf"
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
