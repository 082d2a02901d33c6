#!/usr/bin/env bash
# What a stream may do with what it has acknowledged is its configuration's
# word; and the defaults of the server drop the oldest when it is full.
# shellcheck disable=SC2016 # the dollars are the server's
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../nats-lib.sh"

mkdir -m 750 "$DIR/a" "$DIR/a/ready"
good='"name":"LOGS","subjects":["LOGS.f.>","LOGS.c.>"],"num_replicas":3'
good+=',"storage":"file","retention":"limits","discard":"new"'

try() { # NAME CHANGE ERE
	local config
	config="{$(printf '%s' "$good" | sed "$2/")}"
	nats_request '$JS.API.STREAM.DELETE.LOGS' >/dev/null
	like "$(nats_request '$JS.API.STREAM.CREATE.LOGS' "$config")" '"config"' \
		"$1: the server takes it"
	run logship --once --spool "$DIR/a" "${SERVERS[@]}"
	is "$STATUS" 78 "$1 is refused"
	like "$ERR" "$3" "$1 is named"
}

nats_start
run logship --once --spool "$DIR/a" "${SERVERS[@]}"
ok 'the servers are there' nats_ready
try 'discard old' 's/"discard":"new"/"discard":"old"' 'discard: new'
try 'max_age' 's/$/,"max_age":3600000000000' 'max_age'
try 'max_msgs' 's/$/,"max_msgs":100000' 'max_msgs'
try 'max_msgs_per_subject' 's/$/,"max_msgs_per_subject":5' 'max_msgs_per_subject'
try 'max_msg_size' 's/$/,"max_msg_size":1000' 'max_msg_size'
try 'no acknowledgements' 's/$/,"no_ack":true' 'no_ack'
try 'no claims' 's/,"LOGS.c.>"/' 'NAME\.c\.>'
try 'memory' 's/"storage":"file"/"storage":"memory"' 'storage: file'
try 'one replica' 's/"num_replicas":3/"num_replicas":1' 'fewer than 3 replicas'
try 'work queue' 's/"retention":"limits"/"retention":"workqueue"' 'retention: limits'
run logfetch --once --spool "$DIR/a" "${SERVERS[@]}"
is "$STATUS" 78 'a fetcher refuses it too'
nats_request '$JS.API.STREAM.DELETE.LOGS' >/dev/null
run logship --once --spool "$DIR/a" "${SERVERS[@]}"
is "$STATUS" 78 'no stream'
like "$ERR" 'logship --init makes it' 'how to get one is said'
run logship --init --max-bytes 1GB "${SERVERS[@]}"
is "$STATUS" 0 'it is made'
run logship --init --max-bytes 1GB "${SERVERS[@]}"
is "$STATUS" 0 'again is well'
run logship --once --spool "$DIR/a" "${SERVERS[@]}"
is "$STATUS" 0 'and that one is taken'

# Full: nothing is lost.
nats_request '$JS.API.STREAM.DELETE.LOGS' >/dev/null
run logship --init --max-bytes 1MB "${SERVERS[@]}"
ready() { # N LINES
	name=20261130T090001.12345$1Z-host-1-1-abcd0001.ndjson
	yes '{"n":1,"pad":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}' |
		head -n "$2" >"$DIR/a/ready/$name"
	touch -d '1 minute ago' "$DIR/a/ready/$name"
}
ready 0 10000
ready 1 7500
ready 2 7200
ready 3 7200
run logship --once --spool "$DIR/a" "${SERVERS[@]}"
is "$STATUS" 75 'a full stream takes nothing'
like "$ERR" 'maximum bytes' 'the limit is told'
like "$ERR" '123450Z.*over half of what the stream may hold' \
	'a file that never fits is told, and keeps no other back'
ok 'the file stays' test -f "$DIR/a/ready/$name"
for n in 20000 2000 200 20 2 1; do # to the last byte, as small writers do
	for i in 1 2 3; do
		nats_request "LOGS.f.20261130T090002=00000${i}Z-h-1-1-$n=ndjson" \
			"$(printf "%${n}s" '')" "Log-Bytes: $n" >"$DIR/answer"
	done
done
like "$(cat "$DIR/answer")" 'maximum bytes' 'and not a byte more fits'
mkdir -m 750 "$DIR/f"
run logfetch --once --spool "$DIR/f" "${SERVERS[@]}"
ok 'what it has is fetched all the same, so that there is room again' \
	test -f "$DIR/f/ready/${name/123453/123451}"

# Servers.
run logship --once --spool "$DIR/a" "${SERVERS[@]}" "${MONITORS[@]}"
is "$STATUS" 75 'servers that sync are taken'
unlike "$ERR" 'not checked' 'all were asked'
run logship --once --spool "$DIR/a" "${SERVERS[@]}" --monitor http://127.0.0.1:9
is "$STATUS" 75 'one that does not answer is passed over'
like "$ERR" 'not checked, whether the server syncs' 'which is said'
stop nats1
SYNC=2m nats_start 1
ok 'a server that does not sync' wait_for curl -sf -o "$DIR/varz" \
	"${MONITORS[1]}/varz"
run logship --once --spool "$DIR/a" "${SERVERS[@]}" "${MONITORS[@]}"
is "$STATUS" 78 'is refused'
like "$ERR" 'must have sync_interval: always' 'it is said what it lacks'
start old perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
	$| = 1;
	print $s->sockport, "\n";
	while (my $c = $s->accept) {
		<$c>;
		print $c qq(HTTP/1.0 200 OK\r\n\r\n{"version": "2.10.22"});
		close $c;
	}'
ok 'an old server' wait_for test -s "$DIR/old.out"
run logfetch --once --spool "$DIR/a" "${SERVERS[@]}" \
	--monitor "http://127.0.0.1:$(cat "$DIR/old.out")"
is "$STATUS" 78 'is refused'
like "$ERR" 'is 2.10.22; it must be 2.10.23 or later' 'its version is told'

# Usage.
for bad in '--server localhost:4222' '--server nats://u:p@h:4222' \
	'--stream A.B --server nats://h:1' '--tls-cert x --server nats://h:1' \
	'--server nats://h:1 --monitor h:8222' \
	'--server nats://h:1 --monitor http://u:p@h:8222' ''; do
	# shellcheck disable=SC2086
	run logship --spool "$DIR/a" $bad
	is "$STATUS" 64 "refused: logship $bad"
	# shellcheck disable=SC2086
	run logfetch --spool "$DIR/a" $bad
	is "$STATUS" 64 "refused: logfetch $bad"
done
run logship --once --wait 200ms --spool "$DIR/a" --server nats://127.0.0.1:9
is "$STATUS" 75 'no server: try again'
done_testing
