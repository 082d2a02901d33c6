#!/usr/bin/env bash
# A file over --chunk goes in several transactions. Killed with -9 again and
# again, at whatever instant, logload goes on from the last one: each event is
# a row once, each bad one a record once.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
picky_tables() {
	make_tables
	constrain "event <> 'picky'"
}
picky_tables
spool_new
mkdir -p "$SPOOL/ready"
{
	events 60000
	printf '{"id":"bad","event":"picky"}\n'
	events 60000 60000
	printf '{"id":"worse"\n'
	events 20000 120000
} >"$SPOOL/ready/$(ready 1)"
size=$(stat -c %s "$SPOOL/ready/$(ready 1)")
cp "$SPOOL/ready/$(ready 1)" "$DIR/big.ndjson"

progressed() {
	[ "$(sql 'SELECT MAX(progress) FROM log_files' 2>/dev/null || echo 0)" \
		-gt "$1" ] 2>/dev/null || ! alive logload
}

kills=0
progress=0
while [ "$kills" -lt 12 ]; do
	logload_start --chunk 64KiB
	wait_for progressed "$progress"
	alive logload || break
	kill_hard logload
	kills=$((kills + 1))
	progress=$(sql 'SELECT MAX(progress) FROM log_files')
	[ "$progress" -lt "$size" ] || break
done
num "$kills" -ge 3 "killed $kills times within the file"
once --chunk 100KiB
is "$STATUS" 0 'and then to its end'
ok 'the file is gone' no_files ready
is "$(rows)" 140000 'each event is a row'
sql_is "SELECT COUNT(DISTINCT $(member id)) FROM logs" 140000 \
	'once'
is "$(rejected line | xargs)" '60001 120002' 'each bad one a record, once'
is "$(ledger events,rejected,progress | xargs)" "140000 2 $size" \
	'the ledger has it all'
not_ok 'loaded_at is set' grep -q NULL <(ledger loaded_at)

# By hand, compressed: what is committed is passed over in the stream.
gzip -c "$DIR/big.ndjson" >"$DIR/big.ndjson.gz"
sql 'DROP TABLE logs; DROP TABLE log_files'
picky_tables
begun() {
	[ "$(sql 'SELECT MAX(progress) FROM log_files' 2>/dev/null)" -gt 0 ] \
		2>/dev/null
}
start hand logload --db "$DB_URL" --chunk 64KiB --rejected-dir "$DIR" \
	"$DIR/big.ndjson.gz"
wait_for begun
kill_hard hand
num "$(rows)" -lt 140000 'a compressed file by hand, killed within'
load --chunk 64KiB "$DIR/big.ndjson.gz"
is "$STATUS" 65 'and once more'
is "$(rows)" 140000 'each event is a row'
sql_is "SELECT COUNT(DISTINCT $(member id)) FROM logs" 140000 \
	'once'
done_testing
