#!/usr/bin/env bash
# Columns of one's own: paths, alternatives, types, conversions to UTC. What
# does not fit is NULL and counted; the event is in payload all the same.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
columns=(--column 'status=http.status|status:bigint' --column 'took=took:double'
	--column 'ok=ok:boolean' --column 'host=host\.name:varchar(5)'
	--column 'user_id=' --column 'level=level:varchar(8)'
	--index 'status,received_at')
at() { printf '{"timestamp":%s}\n' "$1"; }

{
	cat <<'NDJSON'
{"http":{"status":200},"status":1,"took":1.5,"ok":true,"host.name":"abcde"}
{"status":"404","took":"2e3","ok":"false","host.name":"äöüßé"}
{"http":{"status":"x"},"status":7,"took":"1e999","ok":2,"host.name":"abcdef"}
{"http":5,"status":9223372036854775808,"took":[],"ok":null}
{"http":{"status":1,"status":-9223372036854775808},"took":0,"ok":0}
{"status":3.0,"took":true,"http":{"status":null},"level":"12345678"}
{"h\u0074tp":{"st\u0061tus":5},"level":"123456789"}
{"status":1.5}
NDJSON
	at '"2026-11-22T07:33:51.123456789Z"'
	at '"2026-11-22 07:33"'
	at '"2026-01-01T00:30:00+01:00"'
	at '"2024-02-29T23:59:60Z"'
	at '"2023-02-29T00:00:00Z"'
	at '"1000-01-01T00:00:00+00:01"'
	at '"9999-12-31T23:59:59.999999Z"'
	at '1763796831'
	at '1763796831.25'
	at '1763796831123'
	at '1763796831123456'
	at '1763796831123456789'
	at '"yesterday"'
	printf '{"timestamp":null,"@timestamp":"x","time":"2026-11-22"}\n'
	printf '{"@received_at":"2001-01-01T00:00:00Z","@received_at":"2026-11-22T07:33:51.123456Z"}\n'
	printf '{"@received_at":"no"}\n'
} >"$DIR/a.ndjson"

load "${columns[@]}" "$DIR/a.ndjson"
is "$STATUS" 0 'status 0'
is "$(summary nulls)" 10 'values that do not fit are counted'
is "$(sql "SELECT status, took, CASE WHEN ok THEN 'yes' WHEN NOT ok THEN 'no' END,
	host FROM logs WHERE line<=8 ORDER BY line" | sed 's/\.0	/	/')" \
	"200	1.5	yes	abcde
404	2000	no	äöüßé
7	NULL	NULL	NULL
NULL	NULL	NULL	NULL
-9223372036854775808	0	no	NULL
3	1	NULL	NULL
5	NULL	NULL	NULL
NULL	NULL	NULL	NULL" 'numbers, booleans, paths, the last of two names'
sql_is 'SELECT level FROM logs WHERE line IN (6, 7) ORDER BY line' \
	"12345678
NULL" 'a width counts characters'
sql_is "SELECT $(instant occurred_at) FROM logs WHERE line BETWEEN 9 AND 22
	ORDER BY line" \
	"2026-11-22 07:33:51.123456
2026-11-22 07:33:00.000000
2025-12-31 23:30:00.000000
2024-03-01 00:00:00.000000
NULL
NULL
9999-12-31 23:59:59.999999
2025-11-22 07:33:51.000000
2025-11-22 07:33:51.250000
2025-11-22 07:33:51.123000
2025-11-22 07:33:51.123456
2025-11-22 07:33:51.123456
NULL
2026-11-22 00:00:00.000000" 'instants'
sql_is "SELECT $(instant received_at) FROM logs WHERE line=23" \
	'2026-11-22 07:33:51.123456' 'received_at is the last one'
touched=$(date -u -r "$DIR/a.ndjson" '+%F %T')
like "$(sql "SELECT $(instant received_at) FROM logs WHERE line=24")" \
	"^$touched" 'or the time of its file'
like "$(indexes)" 'logs_status_received_at status,received_at' 'the index is made'
not_ok 'and the column taken away' sql 'SELECT user_id FROM logs'

load --table other --ledger files --column 'my `col=a:varchar(3)' "$DIR/a.ndjson"
is "$STATUS" 0 'other tables, and a name with a backquote'
sql_is 'SELECT COUNT(*) FROM other' 24 'are filled'
done_testing
