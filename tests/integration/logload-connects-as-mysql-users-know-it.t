#!/usr/bin/env bash
# ~/.my.cnf and its kin, URL, options, variables, in the order that MySQL's own
# tools have: an option wins over a file. The password shows nowhere.
# Of MariaDB, whose client library and options these are.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

mariadb_start
unset LOGLOAD_DB_PASSWORD
events 10 >"$DIR/a"

# connects NAME ARGUMENT...: does a dry run reach the ledger?
connects() {
	local name=$1

	shift
	run "$@" --dry-run --wait 0s "$DIR/a"
	is "$STATUS" 0 "$name"
}

mariadb_mycnf
printf '[logload]\ndatabase=logs\n' >>"$HOME/.my.cnf"
connects 'my.cnf of the user, with a group of our own' logload
mv "$HOME/.my.cnf" "$DIR/my.cnf"
connects 'another one' logload --defaults-file "$DIR/my.cnf"
printf '[client]\nuser=nobody\npassword=wrong\nport=1\nssl-ca=/absent\n' \
	>"$HOME/.my.cnf"
printf 'secret\n' >"$DIR/password"
connects 'options win over the file' logload --db "$DB_URL" \
	--ssl-mode disabled --db-password-file "$DIR/password"
connects 'an empty option is none' logload --db "$DB_URL?ssl-mode=disabled" \
	--ssl-mode= --db-password-file "$DIR/password"
rm "$HOME/.my.cnf"
connects 'a socket in the URL' env LOGLOAD_DB_PASSWORD=secret logload \
	--db "mariadb://logs@/logs?socket=${DB_SOCKET//\//%2F}"
connects 'a password in the variable' env \
	LOGLOAD_DB="mysql://logs:%73ecret@$DB_HOST:$DB_PORT/logs" logload
connects 'which an empty file leaves alone' env \
	LOGLOAD_DB="mysql://logs:%73ecret@$DB_HOST:$DB_PORT/logs" \
	LOGLOAD_DB_PASSWORD_FILE=/dev/null logload
connects 'a password of its own variable' env LOGLOAD_DB_PASSWORD=secret \
	LOGLOAD_DB="$DB_URL" logload
connects 'a file of the variable' env LOGLOAD_DB_PASSWORD_FILE="$DIR/password" \
	LOGLOAD_DB="$DB_URL" logload
unlike "$ERR" 'is not used' 'without a word of any other'
connects 'which wins over one in the URL' env \
	LOGLOAD_DB_PASSWORD_FILE="$DIR/password" \
	LOGLOAD_DB="mysql://logs:tell-nobody@$DB_HOST:$DB_PORT/logs" logload
like "$ERR" 'warn .*password of LOGLOAD_DB is not used: .*LOGLOAD_DB_PASSWORD_FILE' \
	'which is told'
unlike "$ERR" 'tell-nobody|secret' 'without either of them'

run env LOGLOAD_DB="mysql://logs:sec/ret@$DB_HOST/logs" logload "$DIR/a"
like "$STATUS $ERR" '^64 .* has to stand as %2F' 'a password that ends too early'
unlike "$ERR" 'sec|ret@' 'is not shown'

run logload --defaults-file "$DIR/absent" "$DIR/a"
is "$STATUS" 78 'a my.cnf that is not there: status 78'
run env LOGLOAD_DB_PASSWORD=secret logload --db "$DB_URL?ssl-mode=required" "$DIR/a"
is "$STATUS" 78 'TLS is asked for and the server has none: status 78'

# The password of a running process, in its arguments and in its log.
export LOGLOAD_DB_PASSWORD=very-secret-word
spool_new
logload_start --log-level debug
wait_log logload 'refuses'
unlike "$(tr '\0' ' ' <"/proc/$(pid logload)/cmdline")" very-secret 'arguments'
stop logload
unlike "$(cat "$DIR/logload.log")" very-secret 'log'

# TLS, with a certificate that is checked.
if command -v openssl >"$DIR/openssl.path"; then
	mariadb_stop
	cd "$DIR" || exit 1
	openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem \
		-days 2 -subj /CN=ca 2>openssl.err
	openssl req -newkey rsa:2048 -nodes -keyout srv.key -out srv.csr \
		-subj /CN=other-host 2>openssl.err
	openssl x509 -req -in srv.csr -CA ca.pem -CAkey ca.key -out srv.pem \
		-CAcreateserial -days 2 2>openssl.err
	openssl req -x509 -newkey rsa:2048 -nodes -keyout wrong.key \
		-out wrong.pem -days 2 -subj /CN=ca 2>openssl.err
	mariadb_start --ssl-cert="$DIR/srv.pem" --ssl-key="$DIR/srv.key" \
		--ssl-ca="$DIR/ca.pem"
	sql "ALTER USER logs@'%' REQUIRE SSL"
	export LOGLOAD_DB="$DB_URL"
	connects 'TLS by itself' logload
	connects 'required' logload --ssl-mode REQUIRED
	connects 'verify_ca' logload \
		--db "$DB_URL?ssl-mode=verify_ca&ssl-ca=ca.pem"
	run logload --db "$DB_URL?ssl-mode=verify_ca&ssl-ca=wrong.pem" \
		--wait 0s a
	is "$STATUS" 78 'signed by another: status 78'
	run logload --ssl-mode verify_identity --db "$DB_URL?ssl-ca=ca.pem" \
		--wait 0s a
	is "$STATUS" 78 'for another host: status 78'
	run logload --ssl-mode disabled --wait 0s a
	is "$STATUS" 78 'disabled, where the server asks for it: status 78'
fi
done_testing
