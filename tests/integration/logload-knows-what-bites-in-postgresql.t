#!/usr/bin/env bash
# What PostgreSQL does otherwise than one thinks loses no event, stops none,
# and slows no one else down.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

DB=postgresql
db_start
logs=$DIR/a.ndjson
anew() { # [DDL]: the tables are made, then changed
	sql 'DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION logs' \
		2>/dev/null
	rm -rf "$DIR/rejected"
	mkdir "$DIR/rejected"
	[ -z "${1-}" ] && return
	sql "SET ROLE logs; $(logload --db "$DB_URL" --print-schema) $1"
}

# --- addresses

echo '{"event":"a"}' >"$logs"
load "$logs"
is "$STATUS/$(rows)" 0/1 'loaded'
for url in "postgres://logs@127.0.0.1:1,$DB_HOST:$DB_PORT/logs" \
	"postgresql:///?host=$DB_SOCKET&port=$DB_PORT&dbname=logs&user=logs"; do
	run logload --db "$url" "$logs"
	like "$STATUS $OUT" '^0 .* skipped=1 ' "$url"
done
run env PGHOST="$DB_SOCKET" PGPORT="$DB_PORT" PGDATABASE=logs PGUSER=logs \
	logload --db postgresql:// "$logs"
like "$STATUS $OUT" '^0 .* skipped=1 ' 'by the variables of libpq'
run env -u LOGLOAD_DB_PASSWORD LOGLOAD_DB="${DB_URL/logs@/logs:s%65cret@}" \
	logload "$logs"
like "$STATUS $OUT" '^0 .* skipped=1 ' 'a password in the variable'
run logload --db "${DB_URL/logs@/logs:secret@}" "$logs"
is "$STATUS" 64 'a password in an argument is refused'
unlike "$ERR" secret 'and not shown'
run env LOGLOAD_DB_PASSWORD=wrong logload --db "$DB_URL" "$logs"
is "$STATUS" 78 'a wrong one: status 78'
like "$ERR" 'FATAL:  28P01: password authentication' 'and the state is told'
for password in sec/ret 'sec?ret' 12/ret 's@c/ret' 'sec?a=b/c'; do
	run env LOGLOAD_DB="${DB_URL/logs@/logs:$password@}" logload "$logs"
	like "$STATUS $ERR" '^64 .* has to stand as %2F, %3F' "one of $password"
	unlike "$ERR" 'sec|ret' 'is not shown either'
done
echo "*:$DB_PORT:logs:logs:secret" >"$DIR/pass"
printf '[some]\nhost=%s\nport=%s\ndbname=logs\nuser=logs\n' \
	"$DB_HOST" "$DB_PORT" >"$DIR/services"
chmod 600 "$DIR/pass"
for url in "$DB_URL?passfile=$DIR/pass" 'postgresql://?service=some'; do
	run env -u LOGLOAD_DB_PASSWORD PGSERVICEFILE="$DIR/services" \
		PGPASSFILE="$DIR/pass" logload --db "$url" "$logs"
	like "$STATUS $OUT" '^0 .* skipped=1 ' "$url"
done
run logload --db "$DB_URL?target_session_attrs=read-only" --wait 0s "$logs"
like "$STATUS $ERR" '^75 .*session is not read-only' 'what sessions it is to be'
run logload --ssl-mode verify_ca --db "$DB_URL?sslrootcert=$logs" "$logs"
is "$STATUS" 78 '--ssl-mode is for libpq, too'
like "$ERR" 'SSL was required' 'which asks for TLS then'
load --table "$(printf 't%.0s' {1..64})" "$logs"
is "$STATUS" 64 'a name that would be cut is refused'

# --- what events can be

cat >"$logs" <<-'JSON'
	{"event":"a\u0000","n":1}
	{"event":"b","n":2,"x":"\u0000 \ud800 \\ \" \t"}
	{"event":"c",	"level":"info  ","n":3}
	{"event":"d","level":"inf ","n":4}
JSON
anew 'CREATE DOMAIN four varchar(4); CREATE DOMAIN short four;
	ALTER TABLE logs ALTER level TYPE short'
load "$logs"
is "$STATUS/$(rejected code | xargs)" '65/0 22001' 'a domain has a width, too'
anew 'ALTER TABLE logs ALTER level TYPE varchar(4)'
load "$logs"
is "$STATUS" 65 'two of four are rejected'
sql_is "SELECT payload FROM logs ORDER BY line" "$(sed -n '2p;4p' "$logs")" \
	'the others are as they were sent'
is "$(rejected code | xargs)" '0 22001' 'the codes are those of PostgreSQL'
like "$(rejected text | tail -n 1)" 'too long .*varying\(4\) \(column level\)' \
	'blanks are not cut in silence'

# jsonb takes less, and a number that it makes long could not be read any more.
{
	cat <<-'JSON'
		{"event":"e","n":1e131071}
		{"event":"f","n":-1.5E+400,"x":[1E-400]}
		{"event":"g","n":1e131072}
		{"event":"h","n":[1e5,-0,1.50,1e308,5e-324],"n":1e5}
	JSON
	printf '{"event":"i","n":%0131073d}\n' 0 | tr 0 1
	printf '{"event":"j","n":1%0131071d}\n' 0
} >>"$logs"
takes_less() {
	is "$STATUS $(cat "$DIR"/rejected/* | grep -c '"code":0,')" '65 6' \
		"$1 takes less"
	is "$(sql 'SELECT event FROM logs ORDER BY line' | xargs)" 'c d h j' \
		'and the others'
}
anew
load --payload-type JSONB "$logs"
takes_less 'jsonb by choice'
like "$(sed -n 3p "$DIR"/rejected/*)" 'number 1e131071 has 131072 .* have 350' \
	'and which, and why'
anew 'CREATE DOMAIN below jsonb; CREATE DOMAIN d below;
	ALTER TABLE logs ALTER payload TYPE d'
load "$logs"
takes_less 'a domain over it in a table that is there'
run logload --db "$DB_URL" --payload-type text "$logs"
is "$STATUS" 64 'what is no choice is refused'
like "$ERR" "payload-type: 'text' .*: JSON or JSONB" 'with what there is'
run logload --db sqlite:x --payload-type jsonb "$logs"
like "$STATUS $ERR" "^64 .*payload-type: 'jsonb' .*: TEXT" 'as elsewhere'

# Nor has a column of that type what it could not put out.
cat >"$DIR/docs" <<-'JSON'
	{"event":"a","d":[1e131071]}
	{"event":"b","d":{"x":"\ud800"}}
	{"event":"c","d":"\u0000"}
	{"event":"d","d":{"x":[1.5,"\ud83d\ude00"]}}
	{"event":"e"}
JSON
anew 'CREATE DOMAIN d jsonb; ALTER TABLE logs ADD doc d'
load --column doc=d:json "$DIR/docs"
is "$STATUS/$(rows)/$(summary nulls)" 0/5/3 'a column takes less, too: NULL'
sql_is 'SELECT event, doc FROM logs WHERE doc IS NOT NULL' \
	'd	{"x": [1.5, "😀"]}' 'but for what is well'
anew 'ALTER TABLE logs ADD doc jsonb'
load --column doc=d:json:reject "$DIR/docs"
is "$STATUS/$(cat "$DIR"/rejected/* | grep -o 'line":[0-9]*' | tr -dc 0-9)" \
	65/123 'or the event is rejected'
like "$(cat "$DIR"/rejected/*)" 'column doc has .*number 1e131071' 'and why'

# --- constraints and savepoints

events 20000 >"$logs"
anew "ALTER TABLE logs ADD CHECK ((payload->>'n')::int % 10 <> 3)"
load "$logs"
is "$(rows) $(rejected code | sort | uniq -c | xargs)" '18000 2000 23514' \
	'each row that is refused is found'
num "$(sql 'SELECT COUNT(DISTINCT xmin::text) FROM logs')" -le 60 \
	'and few savepoints are used up'
sql 'TRUNCATE log_files'
rm -rf "$DIR/rejected"/*
load "$logs"
is "$(rows) $(rejected code | wc -l)" '18000 2000' \
	'without its ledger: what is there stays'

# Of one in many the error names the line: nothing is halved to find it.
anew "ALTER TABLE logs ADD CHECK (payload->>'n' <> '7000')"
events 10000 >"$logs"
sql "ALTER ROLE logs SET log_statement = 'all'"
load "$logs"
sql "ALTER ROLE logs RESET log_statement"
is "$(rows)/$(rejected line)" 9999/7001 'one of many is found'
num "$(log_since postgresql | grep -c 'statement: .* COPY "logs"')" -le 8 \
	'in a few statements'

# What is stored on the way to them is not there yet.
anew "ALTER TABLE logs ADD UNIQUE (user_id), ADD CHECK (level <> 'bad')"
seq 300 | sed 's/.*/{"user_id":&}/
	8s/}/,"level":"bad"}/; 200s/200/199/' >"$logs"
load "$logs"
is "$(rows)/$(rejected line | xargs)" '298/8 200' \
	'rows refused for different reasons take no others with them'
is "$(rejected code | xargs)" '23514 23505' 'each for its own'

# Its context has a part of the event before it names the line.
anew "ALTER TABLE logs ADD CHECK (payload::jsonb IS NOT NULL)"
{ events 9; echo '{"a":"COPY logs, line 1, bad: no","b":"\u0000"}'; } >"$logs"
load "$logs"
is "$(rows)/$(rejected line)" 9/10 'a row that forges a context is found'
is "$(rejected text)" 'unsupported Unicode escape sequence' \
	'and has no say in its record'

# An error that comes with the COMMIT would be nobody's.
anew 'ALTER TABLE logs ADD UNIQUE (user_id) DEFERRABLE INITIALLY DEFERRED'
printf '{"event":"a","user_id":"%s"}\n' 1 2 1 3 >"$logs"
load "$logs"
is "$(rows) $(rejected code | xargs)" '3 23505' \
	'a constraint that is deferred blames an event'

anew "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN RETURN NULL; END'; CREATE TRIGGER skip BEFORE INSERT ON logs
	FOR EACH ROW EXECUTE FUNCTION skip()"
load "$logs"
is "$STATUS" 78 'a trigger that takes rows away in silence: status 78'
like "$ERR" 'stored 0 rows instead of 4' 'and why'

# --- what an error means

anew 'CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF NEW.level IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = NEW.level,
		MESSAGE = NEW.event; END IF; RETURN NEW; END $$;
	CREATE TRIGGER refuse BEFORE INSERT ON logs
	FOR EACH ROW EXECUTE FUNCTION refuse()'
means() { # STATUS ERE MESSAGE CODE...: of what was rejected, and of the log
	local code

	for code in "${@:4}"; do
		printf '{"event":"%s","level":"%s"}\n{"event":"of %s"}\n' \
			"$3" "$code" "$code" >"$logs"
		load --wait 0s "$logs"
		like "$STATUS $(rejected code) $ERR" "^$1 ${2/CODE/$code}" \
			"$code: $3"
		rm -rf "$DIR/rejected"/*
	done
}
means 65 'CODE ' 'one event to blame' 22P02 23502 23514 44000 45001 54000 \
	54001 54023 P0001 XX000 99999
means 75 ' .* the database is away' 'will pass' 08006 53100 53200 53300 55006 \
	57014 57P01 57P03 58030 25006 25P03 25P04
means 75 ' .* in conflict with' 'a conflict' 40001 40P01 55P03
means 75 ' .* the database is away' 'cached plan must not change' 0A000
means 78 ' .* error .*of the statement' 'of the statement' 0A000 25001 42501 42703 \
	42883 55000
is "$(rows)" 11 'nothing of these is loaded but the others of the first'

# --- rights

anew ' '
sql "CREATE ROLE loader LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA public TO loader
	$(sed -n 's/^\.Dl \(GRANT .* ON log[a-z_]* TO loader\)$/; \1/p' \
		"$TOP/cmd/logload/logload.8")"
as_loader() {
	run logload --db "${DB_URL/logs@/loader@}" "$@"
}
printf '{"event":"a"}\nbad\n' >"$logs"
as_loader --rejected-dir "$DIR/rejected" "$logs"
is "$STATUS/$(rows)" 65/1 'the rights that the manual names will do'
as_loader --retry-rejected "$DIR/rejected"
is "$(summary kept)" 1 'for what was rejected, too'
sql 'REVOKE INSERT ON logs FROM loader'
echo '{"event":"b"}' >"$logs"
as_loader "$logs"
like "$STATUS $ERR" '^78 .*42501.*GRANT SELECT, INSERT ON "logs" TO' \
	'one that is missing is told'

# --- a partition that is missing

anew "ALTER TABLE logs RENAME TO old;
	CREATE TABLE logs (LIKE old INCLUDING ALL) PARTITION BY RANGE (received_at);
	CREATE TABLE logs_1 PARTITION OF logs
		FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')"
echo '{"event":"a","@received_at":"2020-01-02T00:00:00Z"}' >"$logs"
load "$logs"
is "$STATUS $(rejected code)" '78 ' 'a file of that alone waits'
like "$ERR" 'no partition .*23514' 'and why'
sql "CREATE TABLE logs_2 PARTITION OF logs
	FOR VALUES FROM ('2020-01-02') TO ('2020-01-03')"
load "$logs"
is "$STATUS/$(rows)" 0/1 'until the partition is there'

# --- tables that would lose events

while IFS='|' read -r ddl why; do
	anew "$ddl"
	load "$logs"
	is "$STATUS" 78 "refused: $ddl"
	like "$ERR" "$why" 'and why'
done <<-'END'
	ALTER TABLE logs SET UNLOGGED|UNLOGGED
	ALTER TABLE logs RENAME TO t; CREATE TABLE logs (LIKE t) PARTITION BY HASH (line); CREATE UNLOGGED TABLE u PARTITION OF logs FOR VALUES WITH (MODULUS 1, REMAINDER 0)|has the partition u, which is
	ALTER TABLE log_files ALTER name TYPE text COLLATE "en-x-icu"|COLLATE
	ALTER TABLE logs ALTER received_at TYPE timestamptz(3)|received_at as timestamp\(3\)
	ALTER TABLE logs ALTER line TYPE int|line as integer
	ALTER TABLE log_files ALTER sha256 TYPE varchar(9)|sha256 as character varying\(9\)
END

# --- settings

anew
db_stop
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$DIR/tls.key" -days 2 \
	-out "$DIR/tls.pem" -subj /CN=x -addext "subjectAltName=IP:$DB_HOST" \
	2>"$DIR/openssl.err"
[ "$(id -u)" -ne 0 ] || chown nobody "$DIR/tls.key"
db_start -c synchronous_commit=off -c ssl=on -c ssl_cert_file="$DIR/tls.pem" \
	-c ssl_key_file="$DIR/tls.key"
load "$logs"
like "$ERR" 'warn .*the server has synchronous_commit=off' \
	'says that a crash may lose events'
run logload --db "$DB_URL?sslmode=verify-full&sslrootcert=$DIR/tls.pem" "$logs"
like "$STATUS $OUT" '^0 .* skipped=1 ' 'over TLS, with a certificate to check'
run logload --db "${DB_URL/$DB_HOST/localhost}?sslmode=verify-full" "$logs"
is "$STATUS" 78 'which is not there'
db_stop
db_start -c fsync=off
load "$logs"
like "$ERR" 'warn .*the server has fsync=off' 'and for other reasons'
unlike "$ERR" standby 'nothing of standbys'
run logload --db "${DB_URL/@/@127.0.0.1:1,}" "$logs"
like "$ERR" 'no synchronous_standby_names' 'but where there are several hosts'
db_stop
touch "$DIR/postgresql/standby.signal"
db_start
events 1 100 >"$logs"
run logload --wait 1s --db "$DB_URL?target_session_attrs=any" "$logs"
is "$STATUS" 75 'a standby is waited for'
like "$ERR" 'read-only transaction .25006' 'and why'
db_stop
rm "$DIR/postgresql/standby.signal"
db_start
run psql "host=$DB_SOCKET port=$DB_PORT user=root dbname=logs" -c \
	"ALTER DATABASE logs SET default_transaction_read_only=on"
run logload --wait 1s --db "$DB_URL" "$logs"
is "$STATUS" 75 'a server that is read-only is waited for'
like "$ERR" 'read-only' 'and why'
done_testing
