#!/usr/bin/env bash
# With --rate no more than so many events a second go to the database, in small
# batches, over all jobs; how far it is shows within a chunk, too.
# databases: mariadb mysql postgresql sqlite
# alone: it measures time
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start

events 1500 >"$DIR/a"
events 1500 2000 >"$DIR/b"
load --rate 1000 --jobs 2 --progress always "$DIR/a" "$DIR/b"
is "$STATUS" 0 'status 0'
is "$(rows)" 3000 'all is loaded'
took=$(summary seconds | tr -d .)
num "$((10#$took))" -ge 2800 'in three seconds'
num "$((10#$took))" -le "$((5000 * WAIT_SCALE))" 'or not much more'
# Each file is one chunk: nothing is committed before the end.
progress() {
	tr '\r' '\n' | grep -oE '\] +[0-9]+%  [0-9.]+ MB  [0-9.]+ MB/s  left'
}
num "$(progress <<<"$ERR" | sort -u | wc -l)" -ge 5 \
	'in small batches: it is seen how far a chunk is'
like "$ERR" ' MB/s  [1-9][0-9]* events/s  left' 'and how fast, after the first'
unlike "$ERR" ' 0 events/s' 'which is not told before'

# A signal does not wait for the rate. What is more than a quarter of a second's
# work is not finished.
{ printf '{"x":"%0900000d"}\n' 0; events 300000; } >"$DIR/c"
start slow logload --db "$DB_URL" --rate 1 --progress always "$DIR/c"
stores() { log_since slow | progress | grep -q ' [1-9][0-9]*%'; }
ok 'a slow one works' wait_for stores
began=$(date +%s%N)
stop slow INT
num "$((($(date +%s%N) - began) / 1000000))" -lt "$((2000 * WAIT_SCALE))" \
	'it ends at a signal'
is "$STATUS" 75 'status 75'
# PostgreSQL commits so many that came one at a time.
num "$(rows)" -le 3060 'next to nothing of it is left'
done_testing
