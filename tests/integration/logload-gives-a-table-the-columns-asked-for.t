#!/usr/bin/env bash
# Columns are asked for by path and type, in a file or as options; a value that
# does not fit is NULL, something else, or a reason to reject its event, and
# nothing is rounded or cut without a word. The table may be somebody else's,
# with other names and no payload; one that cannot work is refused before
# anything is loaded.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
cat >"$DIR/columns" <<'COLUMNS'
# what the web servers tell

status=http.status|status:int:reject
host="host.name"|'nobody':text(8)
tag=tags[0]:text
last=tags[-1]:text:default=?
took=took:double
price=price:decimal(12,4)
n=n:unsigned
ok=ok:bool
at=at:timestamp(+01:00)
extra=extra:json
ip=ip:ip
uid=uid:uuid
user_id=
event=event:text(3):cut
COLUMNS
cat >"$DIR/a.ndjson" <<'NDJSON'
{"http":{"status":200},"host.name":"web","tags":["a","b"],"took":1e-300,"price":12345678.1234,"n":9223372036854775807,"ok":true,"at":"2026-11-22 07:33:51","extra":{"k":[1, 2]},"ip":"2001:DB8::1","uid":"F81D4FAE7DEC11D0A76500A0C91E6BF6","event":"login"}
{"status":"404","tags":[{},"x",{}],"took":"x","price":1.23456,"n":-1,"ok":"maybe","at":"yesterday","ip":"1.2.3","uid":"x","event":"ab"}
{"status":"x"}
{"status":1.5,"event":"y","tags":[{}]}
{}
NDJSON

run logload --dry-run --db "$DB_URL" --columns "$DIR/columns" "$DIR/a.ndjson"
is "$STATUS" 65 'a dry run'
like "$OUT" "a.ndjson:3: offset=[0-9]+ the value at byte 10 does not fit column status, int" \
	'tells which events are rejected, and for which value'
like "$OUT" 'column status: there=4 fitted=2 null=1, does not fit at .*a.ndjson:3: "x"' \
	'of each column, how many values were there, and one that does not fit'
like "$OUT" 'column price: there=2 fitted=1 null=2, does not fit at .*:2: 1.23456' \
	'such as a decimal with more digits'
like "$OUT" 'column extra: there=1 fitted=1 null=2
' 'and how many were not'
like "$OUT" 'column last: there=2 fitted=1 null=1, ' 'what has a default among them'
run logload --dry-run --report json --column 'x=nmae:text' "$DIR/a.ndjson"
like "$OUT" '"misfits":0,"name":"x","there":0,"fitted":0,"null":5}' \
	'also as JSON, of a path with a mistake in it'

load --columns "$DIR/columns" --unique status,host --index at "$DIR/a.ndjson"
is "$STATUS/$(summary events)/$(summary rejected)" 65/3/2 'it is as it was told'
is "$(summary nulls)" 9 'what did not fit is counted'
is "$(rejected line | tr '\n' ' ')" '3 4 ' 'events with a value to reject are'
is "$(rejected text | head -n 1)" \
	'the value at byte 10 does not fit column status, int' 'which is named'
sql_is "SELECT status, host, tag, last, event FROM logs ORDER BY line" \
	'200	web	a	b	log
404	nobody	NULL	?	ab
NULL	nobody	NULL	NULL	NULL' 'texts: paths, constants, a default, cut'
sql_is "SELECT CASE WHEN took = 1e-300 THEN 'small' END, price, n,
	CASE WHEN ok THEN 'yes' END FROM logs ORDER BY line" \
	'small	12345678.1234	9223372036854775807	yes
NULL	NULL	NULL	NULL
NULL	NULL	NULL	NULL' 'numbers'
like "$(sql 'SELECT at FROM logs WHERE line = 1')" '^2026-11-22 06:33:51' \
	'an instant of another zone'
# MySQL writes a document anew.
is "$(sql 'SELECT extra, ip, uid FROM logs WHERE line = 1' | sed 's/": /":/')" \
	'{"k":[1, 2]}	2001:db8::1	f81d4fae-7dec-11d0-a765-00a0c91e6bf6' \
	'a document, an address, an identity'
echo '{"status":200,"host.name":"web"}' >"$DIR/b.ndjson"
echo '{"status":201,"host.name":"web"}' >>"$DIR/b.ndjson"
load --columns "$DIR/columns" "$DIR/b.ndjson"
is "$STATUS/$(summary events)/$(summary rejected)" 65/1/1 \
	'a key of the user is one'

load --columns "$DIR/columns" --unique host,status --force "$DIR/b.ndjson"
is "$STATUS" 65 'and is found again'
load --columns "$DIR/columns" --unique host --force "$DIR/b.ndjson"
is "$STATUS" 78 'one that the table lacks: status 78'
like "$ERR" ' error .*the table logs has no unique key of host, which --unique' \
	'it is told'
load --columns "$DIR/columns" --column 'more=n:bigint' --force "$DIR/b.ndjson"
is "$STATUS" 78 'a column that is missing: status 78'
like "$ERR" ' error .*the table logs: .*more' 'it is named'
echo '{"m":7}' >"$DIR/c.ndjson"
load --columns "$DIR/columns" --column 'more=m:bigint' --evolve "$DIR/c.ndjson"
is "$STATUS" 0 'or added'
sql_is 'SELECT more FROM logs WHERE more IS NOT NULL' 7 'and filled'
for i in 1 2 3; do
	echo "{\"m\":$i}" >"$DIR/race$i.ndjson"
	start "race$i" logload --db "$DB_URL" --columns "$DIR/columns" --evolve \
		--column 'late=m:int' --rejected-dir "$DIR/rejected" \
		"$DIR/race$i.ndjson"
done
for i in 1 2 3; do
	wait_exit "race$i"
	is "$STATUS" 0 "by one of several loaders that want it, $i"
done
sql_is 'SELECT SUM(late) FROM logs' 6 'once, for all of them'

# A table of somebody else's.
own=(--table own --rename received_at=ts --rename file_id=f --rename line=l
	--column payload= --column occurred_at= --column event= --column level=
	--column user_id=)
with() {
	sql "DROP TABLE IF EXISTS own; CREATE TABLE own (
		ts $stamp NOT NULL, f BIGINT NOT NULL, l BIGINT NOT NULL, $1
		PRIMARY KEY (ts, f, l))"
	[ "$DB" != postgresql ] || sql 'ALTER TABLE own OWNER TO logs'
	shift
	load "${own[@]}" "$@"
}
case $DB in
mariadb | mysql) stamp='DATETIME(6)' ;;
postgresql) stamp=TIMESTAMPTZ ;;
*) stamp=TEXT ;;
esac
printf '{"n":1}\n{"n":2,"t":"a\\nb"}\n' >"$DIR/d.ndjson"
with '' "$DIR/d.ndjson"
is "$STATUS" 0 'a table of the key alone, by other names'
sql_is 'SELECT l FROM own ORDER BY l' '1
2' 'is loaded into'
with "more INT DEFAULT 3, t VARCHAR(9)," --column t=t:text --column \
	received_at=n:int --force "$DIR/d.ndjson"
is "$STATUS" 78 'without a column that is asked for it is refused'
with "n INT, t VARCHAR(9), more INT NOT NULL DEFAULT 3," --column t=t:text \
	--column n=n:int --force "$DIR/d.ndjson"
is "$STATUS" 0 'or with columns of its own'
sql_is "SELECT n, REPLACE(t, '
', '+'), more FROM own ORDER BY l" '1	NULL	3
2	a+b	3' 'it is loaded into'

{ seq 1 50; echo 7; seq 51 60; } | sed 's/.*/{"n":&}/' >"$DIR/e.ndjson"
with 'n INT UNIQUE,' --column n=n:int "$DIR/e.ndjson"
is "$STATUS/$(summary events)/$(summary rejected)" 65/60/1 \
	'of many rows the one is singled out that it refuses'
sql 'DELETE FROM own WHERE n = 7'
run logload --db "$DB_URL" "${own[@]}" --column n=n:int --retry-rejected \
	"$DIR"/rejected/e.ndjson@*
is "$STATUS/$(sql 'SELECT l FROM own WHERE n = 7')" 0/51 \
	'and loaded again, under its key'
load --table made --rename payload=body --rename line=nr "$DIR/d.ndjson"
is "$(sql 'SELECT body FROM made WHERE nr = 1' | sed 's/": /":/')" '{"n":1}' \
	'a table of our own has other names too'

# What is too long for a column of theirs, be it by blanks alone.
{
	events 40
	printf '{"t":"%s"}\n' 'abc ' 'abc  ' '      ' 'abcde' 'äöü ' 'äöü  '
} >"$DIR/f.ndjson"
with 't VARCHAR(4),' --column t=t:text "$DIR/f.ndjson"
case $DB in
sqlite) is "$STATUS/$(summary events)" 0/46 'here nothing is too long' ;;
*) is "$STATUS/$(rejected line | tail -n 4 | xargs)" '65/42 43 44 46' \
	'blanks are not cut in silence' ;;
esac
like "$(rejected text | tail -n 1)" "$([ "$DB" = sqlite ] || echo too long)" \
	'the reason is the database'"'s"
# The width of a TEXT counts bytes, of its own character set.
case $DB in
mariadb | mysql)
	printf '{"t":"%s"}\n' "$(printf 'ä%.0s' {1..127})"{,' ','  '} \
		>"$DIR/g.ndjson"
	with 't TINYTEXT CHARACTER SET utf8mb4,' --column t=t:text "$DIR/g.ndjson"
	is "$STATUS/$(rejected line | tail -n 1)/$(summary events)" 65/3/2 \
		'nor in a TEXT'
	with 't TINYTEXT CHARACTER SET latin1,' --column t=t:text --force \
		"$DIR/g.ndjson"
	is "$STATUS/$(sql 'SELECT GROUP_CONCAT(LENGTH(t), RIGHT(t, 1)
		ORDER BY l) FROM own')" '0/127ä,128 ,129 ' 'where they are too long'
	;;
esac

refused() { # COLUMN SPEC ERE
	with "$1," --column "$2" --force "$DIR/d.ndjson"
	is "$STATUS" 78 "refused: $1 for $2"
	like "$ERR" " error .*the table own has the column $3" 'in a line'
	is "$(grep -c ' error ' <<<"$ERR")/$(sql 'SELECT COUNT(*) FROM own')" \
		1/0 'before anything is loaded'
}
refused 'more INT NOT NULL, n INT' n=n:int \
	'more, which is NOT NULL, has no default, and gets no value'
refused 'd DECIMAL(9,2)' 'd=n:decimal(9,3)' 'd as .*; it has to be '
refused 'd REAL' 'd=n:bigint' 'd as .*; it has to be '
refused 't INT' 't=t:text' 't as .*; it has to be '
if [ "$DB" = mariadb ]; then # which would take these, and store something else
	refused 'd INT AS (l) STORED' 'd=n:int' 'd as .*; it has to be '
	refused 'd BIT(64)' 'd=n:int' 'd as .*; it has to be '
fi

for wrong in '--rename level=x' '--rename received_at=line' '--column line=' \
	'--columns /nonexistent' '--unique nothing' '--column x=a:float'; do
	# shellcheck disable=SC2086 # two words
	load $wrong "$DIR/d.ndjson"
	is "$STATUS" 64 "wrong: $wrong"
done
done_testing
