#!/usr/bin/env bash
# With --tls-client-ca a listener with TLS takes clients with a certificate of
# that CA alone, that is valid and has a name; at operators' address, too. The
# name is the sender's, in events and metrics, and no token is needed. Who is
# refused is counted, and the reason is told, but not of each. A session goes on
# as the same client's; SIGHUP brings another CA.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# authority NAME: makes $DIR/NAME.pem and $DIR/NAME.key, which sign others
authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 2 -subj "/CN=$1" -keyout "$DIR/$1.key" \
		-out "$DIR/$1.pem" 2>>"$DIR/openssl"
	: >"$DIR/$1.index"
	cat >"$DIR/$1.conf" <<-END
		[ca]
		default_ca = it
		[it]
		database = $DIR/$1.index
		new_certs_dir = $DIR
		certificate = $DIR/$1.pem
		private_key = $DIR/$1.key
		rand_serial = yes
		default_md = sha256
		default_days = 2
		copy_extensions = copy
		unique_subject = no
		policy = any
		[any]
		commonName = optional
		organizationName = optional
	END
}

# certificate CA NAME SUBJECT [OPTION-OF-CA]...: with a URI as another name
certificate() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj "$3" -addext "subjectAltName=URI:spiffe://a/$2" \
		-addext 'basicConstraints=CA:FALSE' \
		-keyout "$DIR/$2.key" -out "$DIR/$2.csr" 2>>"$DIR/openssl"
	openssl ca -batch -config "$DIR/$1.conf" -in "$DIR/$2.csr" -notext \
		-out "$DIR/$2.pem" "${@:4}" 2>>"$DIR/openssl" ||
		give_up "no certificate $2: $(tail -n 5 "$DIR/openssl")"
}

# as NAME: the options of curl for that certificate
as() {
	printf '%s\n' --cacert "$DIR/server.pem" --cert "$DIR/$1.pem" \
		--key "$DIR/$1.key"
}

# post_as NAME [OPTION]...: sets CODE
post_as() {
	local options

	mapfile -t options < <(as "$1")
	post "{\"by\":\"$1\"}" "${options[@]}" "${@:2}"
}

refused() {
	sample_is 'logrecv_refused_total{reason="tls"}' "$1"
}

# shakes VERSION OPTION...: an event in a session by the certificate good
shakes() {
	request '{"@sender":"forged"}' 'Connection: close' | openssl s_client "-tls1_$1" \
		-connect "127.0.0.1:$PORT" -cert "$DIR/good.pem" \
		-key "$DIR/good.key" -ign_eof "${@:2}" >"$DIR/shake" 2>&1
	grep -q '^HTTP/1.1 200' "$DIR/shake"
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
	-subj /CN=server -addext 'subjectAltName=IP:127.0.0.1' \
	-keyout "$DIR/server.key" -out "$DIR/server.pem" 2>"$DIR/openssl"
authority ours
authority theirs
certificate ours good /CN=web-1
certificate ours nameless /O=logs
certificate ours limited /CN=web-3
certificate ours quoted '/CN=web"1'
certificate ours expired /CN=web-2 -startdate 20200101000000Z \
	-enddate 20200201000000Z
certificate theirs foreign /CN=web-1
cp "$DIR/ours.pem" "$DIR/ca.pem"
options=(--tls-cert="$DIR/server.pem" --tls-key="$DIR/server.key")

run logrecv --spool="$DIR/other" --listen=127.0.0.1:0,tls "${options[@]}" \
	--tls-client-ca="$DIR/server.key"
is "$STATUS" 78 'what is no certificate is none of a CA: status 78'
like "$ERR" '--tls-client-ca .*server.key: ' '  and it says so'
run logrecv --spool="$DIR/other" --listen=127.0.0.1:0 --tls-client-ca="$DIR/ca.pem"
is "$STATUS" 64 'and nothing for listeners without TLS: status 64'

spool_new
printf '%s\n' other:secret 'web-3:secret3 ways=hec' >"$DIR/tokens"
chmod 600 "$DIR/tokens"
start logrecv logrecv --workers=1 --spool="$SPOOL" "${options[@]}" \
	--tls-client-ca="$DIR/ca.pem" --listen=127.0.0.1:0,tls \
	--sender-member=@sender --token-file="$DIR/tokens" \
	--listen=127.0.0.1:0 --admin-listen=127.0.0.1:0 \
	--admin-listen=127.0.0.1:0,tls
wait_for tests_listens logrecv || give_up 'it does not listen'
mapfile -t ports < <(log_since logrecv |
	sed -n 's/.* listening .*address=127.0.0.1:\([0-9]*\).*/\1/p')
PORT=${ports[0]} URL=https://127.0.0.1:${ports[0]}
ADMIN_URL=http://127.0.0.1:${ports[2]}

for version in 1.2 1.3; do
	post_as good "--tlsv$version" --tls-max "$version"
	is "$CODE" 200 "one of ours sends by TLS $version"
done
post_as nameless
is "$CODE" 200 'one whose name is another one sends'
post_as limited
is "$CODE $BODY" '403 {"error":"the certificate is not for the way in log"}' \
	'what the file of tokens says of a name holds for it'
URL=http://127.0.0.1:${ports[1]} post '{"by":"token"}' -H 'Authorization: Bearer secret'
is "$CODE" 200 'others send with a token'
URL=http://127.0.0.1:${ports[1]} post '{}'
is "$CODE" 401 '  and not without'

# Who may not. The log tells the first; others have to wait for their turn.
count=0
for case in 'none 1.2' 'none 1.3' 'foreign 1.3' 'expired 1.2' 'quoted 1.3'; do
	read -r name version <<<"$case"
	if [ "$name" = none ]; then
		post '{}' --cacert "$DIR/server.pem" --tls-max "$version"
	else
		post_as "$name" --tls-max "$version"
	fi
	is "$CODE" 000 "$name by TLS $version is refused"
	count=$((count + 1))
	ok '  and counted' wait_for refused "$count"
done
is "$(log_since logrecv | grep -c 'refuse a client')" 1 'one is told of'
like "$(log_since logrecv | grep 'refuse a client')" \
	'peer did not return a certificate client=127.0.0.1 others=0' \
	'  with the reason'
mapfile -t options < <(as good)
URL=https://127.0.0.1:${ports[3]} http GET /metrics "${options[@]}"
is "$CODE" 200 'operators need one, too'
URL=https://127.0.0.1:${ports[3]} http GET /metrics --cacert "$DIR/server.pem"
is "$CODE" 000 '  or are refused'
is "$(texts)" '{"by":"good","@sender":"web-1"}
{"by":"good","@sender":"web-1"}
{"by":"nameless","@sender":"spiffe://a/nameless"}
{"by":"token","@sender":"other"}' 'each event has its sender, and there is no other'
ok '  and is counted' \
	wait_for sample_is 'logrecv_sender_events_total{sender="web-1"}' 2
ok '  under its name' wait_for \
	sample_is 'logrecv_sender_events_total{sender="spiffe://a/nameless"}' 1

# Sessions that go on.
for version in 2 3; do
	ok "a session of TLS 1.$version" shakes "$version" -sess_out "$DIR/session"
	ok '  goes on' shakes "$version" -sess_in "$DIR/session"
	ok '  as the same' grep -q '^Reused, TLSv1' "$DIR/shake"
	is "$(texts | tail -n 2 | sort -u)" '{"@sender":"web-1"}' \
		'  and the same sender'
done

# Another CA: neither its clients nor their sessions are taken any more.
cp "$DIR/theirs.pem" "$DIR/new.pem"
mv "$DIR/new.pem" "$DIR/ca.pem"
kill -HUP "$(pid logrecv)"
ok 'on SIGHUP the CA is read anew' wait_log logrecv 'were read anew'
post_as foreign
is "$CODE" 200 'its clients send'
post_as good
is "$CODE" 000 'those of the last one do not'
not_ok '  nor go on with a session' shakes 3 -sess_in "$DIR/session"
echo none >"$DIR/ca.pem"
kill -HUP "$(pid logrecv)"
ok 'one that cannot be read changes nothing' wait_log logrecv \
	'error .*--tls-client-ca .*going on with the last one'
post_as foreign
is "$CODE" 200 '  the last one stays'
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
