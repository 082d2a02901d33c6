#!/usr/bin/env bash
# Real programs, with the configurations that the manual shows: each line that
# they were given is an event, once. Those that are not on this machine are
# passed over.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# here NAME COMMAND...: does it succeed? Else NAME is passed over
here() {
	seen=$(texts | wc -l)
	"${@:2}" >"$DIR/here" 2>&1 && return 0
	pass "$1 # SKIP it is not here"
	return 1
}

# configure FILE: its configuration, for this test
configure() {
	sed -E "s#/var/(log|lib/collectd|spool/(rsyslog|fluentd))#$DIR#; s#8080#$PORT#" \
		"$TOP/cmd/logrecv/shippers/$1" >"$DIR/$1"
}

# adds: prints the events since `here`
adds() {
	texts | tail -n "+$((seen + 1))"
}

# sent MEMBER TEXT...: are these the members of the events, in their order?
sent() {
	local member=$1

	shift
	[ "$(adds | sed -n "s/.*\"$member\":\"\([^\"]*\)\".*/\1/p" |
		paste -s -d ' ' -)" = "$*" ]
}

# has_sent ERE: is one of the events like this?
has_sent() {
	adds | grep -qE "$1"
}

printf 'one\ntwo\n' >"$DIR/app.log"
spool_new
logrecv_start --workers=1

if here rsyslog test -e /usr/lib/x86_64-linux-gnu/rsyslog/omelasticsearch.so; then
	configure rsyslog.conf
	start rsyslog rsyslogd -n -f "$DIR/rsyslog.conf" -i "$DIR/rsyslog.pid"
	ok 'rsyslog sends its lines' wait_for sent message one two
	like "$(adds | tail -n 1)" '"time":"20.*"_index":"app"' 'with their time'
	stop rsyslog
	unlike "$(cat "$DIR/rsyslog.log")" omelasticsearch 'and has no complaint'
fi

if here syslog-ng command -v syslog-ng; then
	configure syslog-ng.conf
	start syslog-ng syslog-ng -F --stderr --no-caps -f "$DIR/syslog-ng.conf" \
		-R "$DIR/ng.persist" -p "$DIR/ng.pid" -c "$DIR/ng.ctl"
	ok 'syslog-ng sends its lines' wait_for sent message one two
	stop syslog-ng
fi

if here Fluentd command -v fluentd; then
	configure fluentd.conf
	start fluentd fluentd -c "$DIR/fluentd.conf"
	ok 'Fluentd sends its lines' wait_for sent message one two
	like "$(adds | tail -n 1)" '"time":"20' 'with their time'
	stop fluentd
fi

# bit OUTPUT MEMBER: Fluent Bit sends its lines by that one
bit() {
	start bit fluent-bit -q -c "$DIR/fluent-bit.conf"
	ok "Fluent Bit sends its lines by $1" wait_for sent "$2" one two
	stop bit
	seen=$(texts | wc -l)
}

if here 'Fluent Bit' command -v fluent-bit; then
	configure fluent-bit.conf
	bit 'http, json_lines, gzip' log
	for format in json json_stream; do
		sed -i "s/ format .*/ format $format/; /compress/d" \
			"$DIR/fluent-bit.conf"
		bit "http, $format" log
	done
	for output in 'es suppress_type_name on' 'splunk splunk_token none' \
		'loki labels job=app' 'opentelemetry logs_uri /v1/logs'; do
		sed -i "/^\[OUTPUT\]/,\$d" "$DIR/fluent-bit.conf"
		cat >>"$DIR/fluent-bit.conf" <<-END
		[OUTPUT]
		    name ${output%% *}
		    match *
		    host 127.0.0.1
		    port $PORT
		    ${output#* }
		END
		case $output in opentelemetry*) member=body ;; *) member=log ;; esac
		bit "$output" "$member"
	done
fi

if here collectd ldd /usr/lib/collectd/write_http.so; then
	configure collectd.conf
	# It sends 4096 bytes at once.
	sed -i 's/^Interval 10/Interval 0.05/' "$DIR/collectd.conf"
	start collectd collectd -f -C "$DIR/collectd.conf" -P "$DIR/collectd.pid"
	ok 'collectd sends what it measures' wait_for has_sent \
		'^\{"values":\[.*"plugin":"load"'
	stop collectd
fi

image=debian:bookworm-slim
if here Docker docker image inspect "$image"; then
	run docker run --rm --network none --log-driver=splunk \
		--log-opt "splunk-url=$URL" --log-opt splunk-token=none "$image" \
		sh -c 'echo one; echo two'
	is "$STATUS" 0 "Docker's driver for Splunk starts"
	ok 'and sends its lines' wait_for sent line one two
	like "$(adds | tail -n 1)" '"source":"stdout".*"time":"[0-9.]+".*"host":"' \
		'with what their envelopes say'
fi

jars=/usr/share/java/log4j-api.jar:/usr/share/java/log4j-core.jar
cat >"$DIR/Main.java" <<'END'
import org.apache.logging.log4j.*;

class Main {
	public static void main(String[] args) {
		LogManager.getLogger("app").info("one");
		LogManager.getLogger("app").warn("\"two\"", new Exception("\n"));
		LogManager.shutdown();
	}
}
END
if here 'Log4j 2' javac -d "$DIR" -cp "$jars" "$DIR/Main.java"; then
	configure log4j2.xml
	run java -cp "$jars:$DIR" -Dlog4j2.configurationFile="$DIR/log4j2.xml" Main
	is "$STATUS" 0 'Log4j 2 is content'
	like "$(adds)" '"level":"INFO","logger":"app","message":"one","exception":"".*"message":"\\"two\\"","exception":".*\\n' \
		'its events are there'
fi

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
if here winston node -e 'require("winston")'; then
	run node "$DIR/winston.js" "$PORT"
	is "$STATUS" 0 'winston is content'
	ok 'its events are there' wait_for sent message one two
fi
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
