#!/usr/bin/env bash
# TLS 1.2 and 1.3 where a listener is told to, for events and for operators, and
# behind the header of a proxy; with a limit on the time of a handshake, and a
# certificate that is read anew on SIGHUP without a connection being lost.
# shellcheck disable=SC2016 # the code in quotes is Perl
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# certificate NAME: makes $DIR/NAME.pem and $DIR/NAME.key
certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 2 -subj "/CN=$1" -addext 'subjectAltName=IP:127.0.0.1' \
		-keyout "$DIR/$1.key" -out "$DIR/$1.pem" 2>"$DIR/openssl"
}

# refused N: does it count so many whose handshake came to nothing, or more?
refused() {
	[ "$(scrape 'logrecv_refused_total{reason="tls"}')" -ge "$1" ]
}

# taken N: are more events counted? Then the metrics, which may be a second old,
# are of now.
taken() {
	[ "$(scrape logrecv_events_total)" -gt "$1" ]
}

# shakes OPTION...: does a handshake succeed?
shakes() {
	openssl s_client -connect "127.0.0.1:$PORT" "$@" </dev/null \
		>"$DIR/shake" 2>&1
}

# asks OPTION...: does a request get its answer, and all that TLS has to say?
asks() {
	get /healthz 'Connection: close' | openssl s_client -ign_eof \
		-connect "127.0.0.1:$PORT" "$@" >"$DIR/shake" 2>&1
	grep -q '^HTTP/1.1 200' "$DIR/shake"
}

renegotiates() {
	{
		echo R
		get /healthz 'Connection: close'
	} | openssl s_client -connect "127.0.0.1:$PORT" -tls1_2 \
		>"$DIR/shake" 2>&1
}

certificate one
certificate two
openssl pkcs8 -topk8 -in "$DIR/one.key" -passout pass:secret \
	-out "$DIR/locked.key"
openssl genrsa -out "$DIR/rsa.key" 2048 2>"$DIR/openssl"
ln -s one.pem "$DIR/now.pem"
ln -s one.key "$DIR/now.key"

for wrong in '64 a_listener_with_tls_needs' \
	"78 --tls-cert.*No_such_file --tls-cert=$DIR/none --tls-key=$DIR/one.key" \
	"78 --tls-key.*No_such_file --tls-cert=$DIR/one.pem --tls-key=$DIR/none" \
	"78 --tls-key.*mismatch --tls-cert=$DIR/one.pem --tls-key=$DIR/two.key" \
	"78 --tls-key.*no_certificate --tls-cert=$DIR/one.pem --tls-key=$DIR/rsa.key" \
	"78 --tls-cert --tls-cert=$DIR/one.key --tls-key=$DIR/one.key" \
	"78 --tls-key --tls-cert=$DIR/one.pem --tls-key=$DIR/locked.key"; do
	read -r status ere options <<<"$wrong"
	# shellcheck disable=SC2086 # more than one
	run logrecv --spool="$DIR/spool" --listen=127.0.0.1:0,tls $options
	is "$STATUS" "$status" "status $status: $ere"
	like "$ERR" "${ere//_/ }" '  and it says so'
done

run logrecv --spool="$DIR/spool" --listen=127.0.0.1:0 --tls-key="$DIR/one.key"
is "$STATUS" 64 'a key is nothing for listeners without TLS'
like "$ERR" 'no listener has the option tls' '  and it says so'

spool_new
start logrecv logrecv --workers=1 --spool="$SPOOL" --client-member=@client \
	--listen=127.0.0.1:0,tls --listen=127.0.0.1:0,proxy,tls \
	--listen=127.0.0.1:0 --request-timeout=2s \
	--admin-listen=127.0.0.1:0 --admin-listen=127.0.0.1:0,tls \
	--tls-cert="$DIR/now.pem" --tls-key="$DIR/now.key"
wait_for tests_listens logrecv || give_up 'it does not listen'
mapfile -t ports < <(log_since logrecv |
	sed -n 's/.* listening .*address=127.0.0.1:\([0-9]*\).*/\1/p')
PORT=${ports[0]} URL=https://127.0.0.1:${ports[0]}
ADMIN_URL=http://127.0.0.1:${ports[3]}
trust=(--cacert "$DIR/one.pem")

for version in 1.2 1.3; do
	post "{\"tls\":\"$version\"}" "${trust[@]}" --tlsv$version --tls-max $version
	is "$CODE" 200 "an event comes by TLS $version"
done
URL=http://127.0.0.1:${ports[2]} post '{"plain":1}'
is "$CODE" 200 'and one without, elsewhere'
not_ok 'no older one is spoken' shakes -tls1_1 -cipher ALL@SECLEVEL=0
ok 'HTTP/1.1 is agreed upon' shakes -alpn h2,http/1.1
like "$(cat "$DIR/shake")" 'ALPN protocol: http/1.1' '  by its name'
not_ok 'nothing else is' shakes -alpn h2
not_ok 'a cipher without forward secrecy is refused' \
	shakes -tls1_2 -cipher AES128-GCM-SHA256
for version in 2 3; do
	asks "-tls1_$version" -sess_out "$DIR/session"
	ok "a session of TLS 1.$version goes on" \
		asks "-tls1_$version" -sess_in "$DIR/session"
	ok '  as the same' grep -q "^Reused, TLSv1.$version" "$DIR/shake"
done
# R at the beginning of a line asks for one (openssl-s_client(1)).
not_ok 'there is no renegotiation' renegotiates
like "$(cat "$DIR/shake")" 'RENEGOTIATING.*no renegotiation' \
	'  though it was asked for'
URL=https://127.0.0.1:${ports[4]} http GET /metrics "${trust[@]}"
is "$CODE" 200 'operators come in by TLS, too'
ok '  and get all of it' grep -q '^logrecv_sync_seconds_count' <<<"$BODY"

# Much at once, in and out.
perl -e 'printf qq({"n":%d,"pad":"%s"}\n), $_, "x" x 900 for 1 .. 9000' >"$DIR/big"
http POST /log --data-binary "@$DIR/big" "${trust[@]}"
is "$CODE $BODY" '200 {"accepted":9000}' 'a body of 8 MB'
head -n 300 "$DIR/big" | split -l 1 - "$DIR/part."
for part in "$DIR"/part.*; do
	printf 'next\nurl=%s/log\ndata=@%s\noutput=%s\n' "$URL" "$part" "$DIR/null"
	printf 'cacert=%s\nwrite-out=%%{http_code}:%%{num_connects}\\n\n' "$DIR/one.pem"
done | sed 1d >"$DIR/curlrc"
curl -q -s --config "$DIR/curlrc" | sort | uniq -c >"$DIR/many"
is "$(tr -s ' ' <"$DIR/many" | paste -s -d , -)" ' 299 200:0, 1 200:1' \
	'300 requests on one connection'

# A proxy's header comes first, in the plain.
URL=https://127.0.0.1:${ports[1]} post '{"proxied":1}' "${trust[@]}" \
	--haproxy-protocol
is "$CODE" 200 'behind a header of a proxy'
# One that sends it in front of a handshake, in one piece.
start relay perl -MIO::Socket::INET -MIO::Select -e '
	my $l = IO::Socket::INET->new(LocalAddr => "127.0.0.1:0", Listen => 1)
	    or die;
	print STDERR "port ", $l->sockport, "\n";
	my $c = $l->accept;
	my $s = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die;
	sysread $c, my $first, 65536;
	syswrite $s, "PROXY TCP4 198.51.100.7 127.0.0.1 1 2\r\n$first";
	my $select = IO::Select->new($c, $s);
	while (my @ready = $select->can_read) {
		for (@ready) {
			sysread $_, my $x, 65536 or exit;
			syswrite $_ == $c ? $s : $c, $x;
		}
	}' "${ports[1]}"
wait_log relay '^port '
URL=https://127.0.0.1:$(sed -n 's/^port //p' "$DIR/relay.log") \
	post '{"by":"proxy"}' "${trust[@]}"
is "$CODE" 200 'or in front of a handshake in one piece'
ok '  the client is the one that it tells' \
	grep -q '"by":"proxy","@client":"198.51.100.7"' <(stored)

# What is no handshake.
events=$(scrape logrecv_events_total)
post '{"now":1}' "${trust[@]}"
ok 'what was refused is counted' wait_for taken "$events"
# A client that goes as soon as it may can count, too.
before=$(scrape 'logrecv_refused_total{reason="tls"}')
num "$before" -ge 3 '  all of it'
PORT=${ports[0]} RAW=()
raw "$(request '{}')"
unlike "$ANSWERS" HTTP 'plain text gets no answer'
ok '  and is counted' wait_for refused $((before + 1))
raw '\x16\x03\x01'
is "$STATUS" 0 'a handshake that does not go on is ended in time'
ok '  and counted' wait_for refused $((before + 2))

# A new certificate, by a link that is switched; old connections stay.
mkfifo "$DIR/in"
start kept sh -c 'exec openssl s_client -quiet -connect "$1" -CAfile "$2" <>"$3"' \
	sh "127.0.0.1:$PORT" "$DIR/one.pem" "$DIR/in"
wait_log kept 'verify return:1'
ln -sf two.pem "$DIR/now.pem"
kill -HUP "$(pid logrecv)"
ok 'a key that does not fit changes nothing' wait_log logrecv \
	'error .*--tls-key .*going on with the last one'
post '{}' "${trust[@]}"
is "$CODE" 200 '  the old one goes on'
# Or by a rename, as the key is here.
cp "$DIR/two.key" "$DIR/new.key"
mv "$DIR/new.key" "$DIR/now.key"
kill -HUP "$(pid logrecv)"
ok 'on SIGHUP the certificate is read anew' wait_log logrecv 'were read anew'
post '{}' --cacert "$DIR/two.pem"
is "$CODE" 200 'a new connection has the new one'
post '{}' "${trust[@]}"
is "$CODE" 000 'and not the old one'
get /healthz >"$DIR/in"
ok 'the connection from before goes on' wait_for \
	grep -q '^HTTP/1.1 200' "$DIR/kept.out"
stop logrecv
is "$STATUS" 0 'it ends with status 0'
is "$(stored | wc -l)" $((2 + 1 + 9000 + 300 + 3 + 2)) 'every event is stored'
done_testing
