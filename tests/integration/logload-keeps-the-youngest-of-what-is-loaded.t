#!/usr/bin/env bash
# What --keep keeps must not fill the disk either: the oldest files go, whose
# events are rows, and no event waits for that.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready"
for n in {1..30}; do
	events 10 "$n" >"$SPOOL/ready/$(ready "$n")"
done
size=$(stat -c %s "$SPOOL/ready/$(ready 30)")
once --keep --keep-limit "$((10 * size + size / 2))"
is "$STATUS/$(files ready)/$(rows)" 0/0/300 'all is loaded'
is "$(find "$SPOOL/loaded" -type f -printf '%f\n' | sort | xargs)" \
	"$(for n in {21..30}; do ready "$n"; done | xargs)" 'the youngest are kept'
is "$(grep -c 'info .* removed from loaded/, which is at --keep-limit' \
	<<<"$ERR")" 20 'the others are told of'
is "$(metric logload logload_loaded_bytes)" "$((10 * size))" 'counted'
is "$(metric logload logload_rejected_dropped_files_total)" 0 \
	'and no loss of records'
events 1000 >"$SPOOL/ready/$(ready 31)"
once --keep --keep-limit "$((10 * size))"
is "$STATUS/$(files ready)/$(rows)" 0/0/1300 'one over the limit is loaded, too'
is "$(files loaded)" 10 'but is not kept'
for n in {41..50}; do
	events 10 "$n" >"$SPOOL/ready/$(ready "$n")"
done
once --keep --keep-limit 0
is "$(files loaded)" 20 'without a limit all are'
done_testing
