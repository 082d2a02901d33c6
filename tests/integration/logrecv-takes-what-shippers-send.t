#!/usr/bin/env bash
# Real programs, with the configurations that the manual shows: each line that
# they were given is an event, once. Those that are not on this machine are
# passed over.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# configure FILE: its configuration, for this test
configure() {
	sed "s|/var/log|$DIR|; s|/var/spool/rsyslog|$DIR|; s|8080|$PORT|" \
		"$TOP/cmd/logrecv/shippers/$1" >"$DIR/$1"
}

# sent MEMBER TEXT...: are these the members of the events, in their order?
sent() {
	local member=$1

	shift
	[ "$(texts | sed -n "s/.*\"$member\":\"\([^\"]*\)\".*/\1/p" |
		paste -s -d ' ' -)" = "$*" ]
}

# receive: a new logrecv
receive() {
	spool_new
	logrecv_start --workers=1
}

printf 'one\ntwo\n' >"$DIR/app.log"

receive
configure rsyslog.conf
if [ -e /usr/lib/x86_64-linux-gnu/rsyslog/omelasticsearch.so ]; then
	start rsyslog rsyslogd -n -f "$DIR/rsyslog.conf" -i "$DIR/rsyslog.pid"
	ok 'rsyslog sends its lines' wait_for sent message one two
	like "$(texts | tail -n 1)" '"time":"20.*"_index":"app"' 'with their time'
	stop rsyslog
	unlike "$(cat "$DIR/rsyslog.log")" omelasticsearch 'and has no complaint'
else
	pass 'rsyslog # SKIP no rsyslog-elasticsearch'
fi
stop logrecv

receive
configure syslog-ng.conf
if command -v syslog-ng >/dev/null; then
	start syslog-ng syslog-ng -F --stderr --no-caps -f "$DIR/syslog-ng.conf" \
		-R "$DIR/ng.persist" -p "$DIR/ng.pid" -c "$DIR/ng.ctl"
	ok 'syslog-ng sends its lines' wait_for sent message one two
	stop syslog-ng
else
	pass 'syslog-ng # SKIP no syslog-ng-mod-http'
fi
stop logrecv

receive
image=debian:bookworm-slim
if docker image inspect "$image" >"$DIR/docker.out" 2>&1; then
	run docker run --rm --network none --log-driver=splunk \
		--log-opt "splunk-url=$URL" --log-opt splunk-token=none "$image" \
		sh -c 'echo one; echo two'
	is "$STATUS" 0 "Docker's driver for Splunk starts"
	ok 'and sends its lines' wait_for sent line one two
	like "$(texts | tail -n 1)" '"source":"stdout".*"time":"[0-9.]+".*"host":"' \
		'with what their envelopes say'
else
	pass "docker # SKIP no Docker, or no image $image"
fi
stop logrecv

receive
cat >"$DIR/winston.js" <<'END'
const winston = require('winston');
const log = winston.createLogger({
	transports: [new winston.transports.Http({
		host: '127.0.0.1', port: +process.argv[2], path: '/log',
		batch: true, batchCount: 2,
	})],
});
log.info('one');
log.warn('two', { user_id: 7 });
END
if node -e 'require("winston")' 2>"$DIR/node.err"; then
	run node "$DIR/winston.js" "$PORT"
	is "$STATUS" 0 'winston is content'
	ok 'its events are there' wait_for sent message one two
else
	pass 'winston # SKIP no winston of npm in NODE_PATH'
fi
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
