#!/usr/bin/env bash
#
# https: a server that proves who it is by the certificates that are believed,
# a client that has one of its own; and a token, which is in no list of
# processes. Nothing is sent to anybody else.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

# authority NAME: makes $DIR/NAME.pem and $DIR/NAME.key, by which to sign
authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 2 -subj "/CN=$1" -keyout "$DIR/$1.key" -out "$DIR/$1.pem" \
		2>"$DIR/openssl"
}

# certificate NAME ALTERNATIVE: the same, signed by the authority ours
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj "/CN=$1" -keyout "$DIR/$1.key" -out "$DIR/$1.csr" \
		2>"$DIR/openssl"
	openssl x509 -req -in "$DIR/$1.csr" -CA "$DIR/ours.pem" \
		-CAkey "$DIR/ours.key" -CAcreateserial -days 2 -out "$DIR/$1.pem" \
		-extfile <(printf 'subjectAltName=%s' "$2") 2>"$DIR/openssl"
}

authority ours
authority theirs
certificate address IP:127.0.0.1
certificate name DNS:localhost
certificate client DNS:client

spool_new
start logrecv logrecv --spool "$SPOOL" --listen 127.0.0.1:0,tls \
	--tls-cert "$DIR/address.pem" --tls-key "$DIR/address.key"
wait_for tests_listens logrecv || give_up 'it does not listen'
PORT=$(log_since logrecv | sed -n 's/.* listening .*address=127.0.0.1:\([0-9]*\).*/\1/p' |
	head -n 1)
URL=https://127.0.0.1:$PORT/log
send --count 500 --rate 1000 --connections 4 --tls-ca "$DIR/ours.pem"
is "$STATUS" 0 'events go by TLS'
is "$(report requests_acknowledged)" 500 'and answers come back'
seq -f '{"n":%g}' 20000 >"$DIR/in"
send --retry --batch 5000 --tls-ca "$DIR/ours.pem" "$DIR/in"
is "$STATUS $(report events_acknowledged)" '0 20000' 'large requests, too'
SSL_CERT_FILE=$DIR/ours.pem send --count 1
is "$STATUS" 0 'by default the certificates of the system are believed'
# 127.1 is an address, but not as the certificate has it; localhost may be two.
for wrong in "certificate: --tls-ca=$DIR/theirs.pem" \
	'certificate:' "mismatch: --tls-ca=$DIR/ours.pem --url=https://127.1:$PORT/log"; do
	# shellcheck disable=SC2086 # more than one
	send --count 1 ${wrong#*:}
	is "$STATUS" 75 "nothing is sent: $wrong"
	like "$ERR" "connect to .*${wrong%%:*}" '  and it says why'
done

# A server of another name, that wants a certificate, too.
stop logrecv
P=$(tests_free_port)
start demands bash -c 'exec openssl s_server -accept "127.0.0.1:$2" \
	-cert "$1/name.pem" -key "$1/name.key" -CAfile "$1/ours.pem" -Verify 1 \
	-verify_return_error -servername localhost -cert2 "$1/name.pem" \
	-key2 "$1/name.key" < <(exec sleep 1000)' sh "$DIR" "$P"
ok 'a server that demands a certificate' wait_for grep -q ACCEPT "$DIR/demands.out"
got() {
	grep -aq "$1" "$DIR/demands.out"
}
URL=https://localhost:$P/log
send --count 1 --tls-ca "$DIR/ours.pem" --timeout 1s --drain 1s
is "$STATUS" 75 'without one'
not_ok '  nothing is sent' got 'POST /log'
send --count 1 --tls-ca "$DIR/ours.pem" --tls-cert "$DIR/client.pem" \
	--tls-key "$DIR/client.key" --timeout 1s --drain 1s
ok 'with ours it is' wait_for got 'POST /log'
ok 'the name is told to the server' got 'Hostname in TLS extension: "localhost"'
kill_group demands

# What is wrong with files and options is found before anything is sent.
URL=https://127.0.0.1:$P/log
cp "$DIR/client.key" "$DIR/no.pem"
for wrong in "78 --tls-ca.*No_such_file --tls-ca=$DIR/none" \
	"78 --tls-ca --tls-ca=$DIR/no.pem" \
	"78 --tls-cert.*No_such_file --tls-cert=$DIR/none --tls-key=$DIR/client.key" \
	"78 --tls-key.*mismatch --tls-cert=$DIR/client.pem --tls-key=$DIR/name.key" \
	"64 need_each_other --tls-cert=$DIR/client.pem" \
	"64 URL_of_https --tls-ca=$DIR/ours.pem --url=http://127.0.0.1:$P/log" \
	"78 No_such_file --token-file=$DIR/none" \
	"78 first_line_is_empty --token-file=/dev/null" \
	"78 no_token_may_hold --token-file=$DIR/bad"; do
	printf 'two words\n' >"$DIR/bad"
	read -r status ere options <<<"$wrong"
	# shellcheck disable=SC2086 # more than one
	send --count 1 $options
	is "$STATUS" "$status" "status $status: $ere"
	like "$ERR" "${ere//_/ }" '  and it says so'
done

printf 'from-a-file\n' >"$DIR/token"
printf 'shipper:from-a-file requests=1\n' >"$DIR/tokens"
chmod 600 "$DIR/tokens"
spool_new
logrecv_start --token-file "$DIR/tokens"
URL=$URL/log
seq -f '{"n":%g}' 4 >"$DIR/in"
send --retry --batch 1 --token-file "$DIR/token" "$DIR/in"
is "$STATUS" 0 'the server knows whose token it is'
num "$(report refused.429)" -ge 1 'one that sends too much is told to wait'
is "$(texts | cut -c 1-8 | tr -d '{}",\n')" \
	"$(seq -f 'n:%g' 4 | tr -d '\n')" 'and does: all is stored once'
LOGSEND_TOKEN=another send --retry "$DIR/in"
is "$STATUS $(report events_given_up)" '65 4' 'another token is refused for good'

server_start
send --count 1 --token-file "$DIR/token"
ok 'a token of a file' grep -q $'^Authorization: Bearer from-a-file\r$' "$DIR/server/heads"
LOGSEND_TOKEN=from-a-variable send --count 1
ok 'and of a variable' grep -q $'^Authorization: Bearer from-a-variable\r$' "$DIR/server/heads"
done_testing
