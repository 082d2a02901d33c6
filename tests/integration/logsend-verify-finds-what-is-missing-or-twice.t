#!/usr/bin/env bash
#
# The check of a whole pipeline is worth something only if it fails: where an
# acknowledged event is no row, or two, or where the rate was not held.
# shellcheck disable=SC2016,SC2119 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

verify=$TOP/cmd/logsend/logsend-verify.sh
db_start
sql 'CREATE TABLE logs (received_at DATETIME(6), file_id INT, line INT,
	payload JSON, PRIMARY KEY (received_at, file_id, line))'
# A password that means something to shells, SQL and option files.
sql "SET PASSWORD FOR logs@'%' = PASSWORD('s \\\\n\"#''e')"
printf '%s\n' "s \\n\"#'e" >"$DIR/password"
export DB_HOST DB_PORT DB_USER=logs DB_NAME=logs \
	DB_PASSWORD_FILE="$DIR/password" LOGSEND_RATE=200 LOGSEND_DURATION=250ms \
	LOGSEND_TIMEOUT=5s LOGSEND_DRAIN=1s

# Inserts the bodies received, as rows of file $1; a filter may be added.
load() {
	local file=$1

	shift
	"$@" <"$DIR/server/bodies" | awk -v "file=$file" '
		BEGIN { print "START TRANSACTION;" }
		END { print "COMMIT;" }
		{ printf "INSERT INTO logs VALUES (UTC_TIMESTAMP(6), %d, %d, " \
		    "'\''%s'\'');\n", file, NR, $0 }' |
		tests_mysql --database=logs
}

# Starts the check, and comes back when it has sent everything.
begin() {
	: >"$DIR/server/bodies"
	sql 'DELETE FROM logs'
	export LOGSEND_URL=$URL
	start verify "$verify"
	wait_for has_received 50
	ok 'it tells what logsend reports' wait_log verify '"events_sent":50,'
}

# Waits for the end; prints what it said.
said() {
	tail -n 5 "$DIR/verify.out" | paste -s -d ' '
}

server_start
begin
load 1 head -n 20
load 2 tail -n +21
ok 'it ends' wait_exit verify
is "$(said)" 'sent 50 acknowledged 50 rows 50 missing 0 twice 0' \
	'all rows are there'
is "$STATUS" 0 'which is success'

# A name with what LIKE takes for any character. What is loaded within the
# time-out counts.
export LOGSEND_RUN=my_run VERIFY_TIMEOUT=$((6 * WAIT_SCALE))s
begin
load 1 sed '/-000000017"/d; s/my_run-000000018/myXrun-000000018/'
ok 'it ends, a row being missing' wait_exit verify
is "$(said)" 'sent 50 acknowledged 50 rows 48 missing 2 twice 0' 'it says so'
is "$STATUS" 1 'which is no success'
like "$(log_since verify)" 'missing: my_run-000000017' 'and names it'
unset LOGSEND_RUN

export VERIFY_TIMEOUT=30s
begin
load 1 sed '/-000000033"/p'
ok 'it ends, a row being there twice' wait_exit verify
is "$(said)" 'sent 50 acknowledged 50 rows 51 missing 0 twice 1' 'it says so'
is "$STATUS" 1 'which is no success'

# One missing, another twice: the counts alone look well.
export VERIFY_TIMEOUT=$((2 * WAIT_SCALE))s
begin
load 1 sed '/-000000017"/d; /-000000033"/p'
ok 'it ends, counts being equal' wait_exit verify
is "$(said)" 'sent 50 acknowledged 50 rows 50 missing 1 twice 1' \
	'it compares by name'
is "$STATUS" 1 'which is no success'
like "$(log_since verify)" 'twice: .*-000000033' 'and names it'

# The database is away when it begins to ask.
db_stop
export VERIFY_TIMEOUT=60s
: >"$DIR/server/bodies"
start verify "$verify"
wait_log verify '"events_sent":50,'
db_start
sql 'DELETE FROM logs'
load 1 cat
ok 'it waits for the database' wait_exit verify
is "$STATUS" 0 'and succeeds'

# Waiting for rows that do not come, and for answers, it can be stopped.
begin
began=$(now_ms)
ok 'it can be stopped while it waits' stop verify
is "$STATUS" 143 'which is no success'
num $(($(now_ms) - began)) -lt $((3000 * WAIT_SCALE)) 'promptly'
export LOGSEND_DURATION=60s
: >"$DIR/server/bodies"
start verify "$verify"
wait_for has_received 5
ok 'it can be stopped while it sends' stop verify
is "$STATUS" 143 'which is no success'
ok 'logsend is stopped with it' bash -c "! pgrep -f '[l]ogsend --report json --acked $DIR'"
is "$(find "$DIR" -maxdepth 1 -name 'tmp.*')" '' 'no files are left'

stop server
server_start '(ok($events), 0.2)'
export LOGSEND_URL=$URL LOGSEND_CONNECTIONS=1 LOGSEND_DURATION=250ms VERIFY_TIMEOUT=1s
: >"$DIR/server/bodies"
sql 'DELETE FROM logs'
start verify "$verify"
ok 'it ends, the server being slow' wait_exit verify
is "$STATUS" 1 'a rate that was not held is no success'
like "$(log_since verify)" 'the rate was not held' 'and is named'
run env DB_PASSWORD_FILE="$DIR/none" "$verify"
is "$STATUS" 1 'no password, no check'
done_testing
