#!/usr/bin/env bash
# --table as a template: each event goes to the table that it names, if the
# operator allows that name; the tables are made when they are wanted, and again
# when somebody has dropped them. Each event is a row once, whoever makes them.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

# count TABLE: its rows; "-" if it is not there
count() {
	sql "SELECT COUNT(*) FROM $1" 2>/dev/null || echo -
}
# kinds N KIND...: so many events, by turns of each kind
kinds() {
	local n=$1

	shift
	seq "$n" | awk -v kinds="$*" 'BEGIN { k = split(kinds, kind, " ") }
		{ printf "{\"id\":\"e%d\",\"event\":\"%s\"}\n", $1,
			kind[($1 - 1) % k + 1] }'
}
by_event=(--table 'logs_{event}' --tables 'login,logout,order_*')

db_start
spool_new
mkdir -p "$SPOOL/ready"
{
	kinds 3000 login logout order_new sent log.in
	printf '%s\n' '{"id":"f1","event":"order_x`\"'\''; DROP TABLE logs; --"}' \
		'{"id":"f2","event":{"login":1}}' '{"id":"f3"}' \
		'{"id":"f4","event":"LOGIN"}' 'no event'
} >"$SPOOL/ready/$(ready 1)"
once "${by_event[@]}"
is "$STATUS" 0 'a file of events of many kinds'
is "$(for t in login logout order_new; do count "logs_$t"; done | xargs)" \
	'601 600 600' 'each kind that is allowed has a table'
is "$(count logs)" 1203 'all others are in another one'
is "$(rejected line)" 3005 'what is no event is a record'
quote='"'
case $DB in mariadb | mysql) quote='`' ;; esac
is "$(ledger "${quote}table$quote")" 'logs_{event}' \
	'the ledger has the template'
sql_is "SELECT COUNT(DISTINCT line) FROM logs_login" 601 'each is there once'

kinds 30 login cart >"$DIR/a"
load "${by_event[@]}" --table-other rejected/ "$DIR/a"
is "$STATUS $(summary events) $(summary rejected)" '65 15 15' \
	'by hand, where there is no other table'
like "$(cat "$DIR"/rejected/*)" "--tables allows no table of 'cart'" \
	'the reason names the option'
load "${by_event[@]}" "$DIR/a"
is "$(summary skipped)" 1 'it is known by the template'
run logload --db "$DB_URL" --table 'logs_{event}' --tables 'login,cart' \
	--table-other rejected/ --retry-rejected "$DIR"/rejected/*
is "$STATUS $(count logs_cart) $(count logs_login)" '0 15 616' \
	'tried again, they go to their tables'

printf '{"id":"d%d","@received_at":"2026-11-%02dT0%d:00:00Z"}\n' 1 29 1 2 30 2 \
	3 30 3 >"$DIR/days"
load --table 'day_%Y%m%d' "$DIR/days"
is "$STATUS $(count day_20261129) $(count day_20261130)" '0 1 2' \
	'tables by the day of receipt'
kinds 12 a b c d >"$DIR/b"
load --table 'few_{event}' --tables '*' --tables-max 2 "$DIR/b"
is "$STATUS $(count few_a) $(count few_b) $(count few_c)" '0 3 3 -' \
	'no more are made than may be'
like "$ERR" 'over 2 tables .--tables-max' 'that is said'
load --table 'log_{event}' --tables 'files' "$DIR/b"
is "$STATUS $(count log_files)" "0 $(ledger id | wc -l)" \
	"no event's table is the ledger"
load --dry-run "${by_event[@]}" --table-other rejected/ "$DIR/b"
is "$(summary rejected)" 12 'a dry run tells who would have no table'
printf '{"id":"i%d","event":"%s"}\n' 1 p1 2 p2 3 p3 >"$DIR/c"
sql 'CREATE VIEW logs_p2 AS SELECT * FROM logs'
load --table 'logs_{event}' --tables 'p?' "$DIR/c"
is "$STATUS $(count logs_p1) $(count logs_p3)" '0 1 1' \
	'a name of a pattern that is taken keeps no others from their tables'
like "$ERR" 'no events go to the table logs_p2' 'that is said'
long=a_table_with_a_name_so_long_that_indexes_have_to_be_cut
load --table "${long}_{event}" --tables 'p?' --index event,received_at \
	--index event,level "$DIR/c"
is "$STATUS" 0 'tables with long names'
unlike "$ERR" 'stays without an index' 'their indexes have names of their own'
run logload --print-schema --db "$DB_URL" "${by_event[@]}"
is "$(grep -c 'CREATE TABLE.*logs_log\(in\|out\)' <<<"$OUT")" 2 \
	'the names that are known are in the schema'
for wrong in 'logs_{event}' 'logs_%Y{' 'logs_%x' 'a_%Y --tables x' \
	'{a}{b} --tables x' 'logs_{event} --tables a;b' \
	'logs_%Y --table-other all_%Y'; do
	# shellcheck disable=SC2086 # options
	load --table $wrong "$DIR/b"
	is "$STATUS" 64 "--table $wrong"
done

# Several make them at once; one goes while they are at it.
mkdir -p "$DIR/new"
for i in $(seq 2 25); do
	kinds 400 login k1 k2 k3 k4 k5 | sed "s/\"e/\"g$i-/" \
		>"$DIR/new/$(ready "$i")"
done
mv "$DIR"/new/*0[2-9].* "$SPOOL/ready/" 2>/dev/null || :
sql 'DROP TABLE logs_login'
many=(--table 'logs_{event}' --tables 'login,k?')
NAME=one logload_start --jobs 2 "${many[@]}"
NAME=two logload_start --jobs 2 "${many[@]}"
mv "$DIR"/new/* "$SPOOL/ready/"
ok 'two processes load' wait_for -t 60 no_files ready
sql 'DROP TABLE logs_k5'
kinds 60 k5 k1 | sed 's/"e/"h/' >"$DIR/new/$(ready 99)"
mv "$DIR"/new/* "$SPOOL/ready/"
ok 'after a table was dropped, too' wait_for -t 60 no_files ready
is "$(for t in login k1 k2 k3 k4 k5; do count "logs_$t"; done | xargs)" \
	'1608 1638 1608 1608 1584 30' 'each event is a row once'
stop one
stop two
unlike "$(cat "$DIR"/one.log "$DIR"/two.log)" ' error ' 'no error was met'
done_testing
