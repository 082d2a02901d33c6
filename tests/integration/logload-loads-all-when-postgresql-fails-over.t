#!/usr/bin/env bash
# The primary dies and its standby is promoted: over an address of both, every
# event is a row once. A synchronous standby has all that was committed; what
# another one lacks is in loaded/ still, and is loaded again.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

put() { # FILES: of 1000 events each
	for ((i = 0; i < $1; i++, n++)); do
		events 1000 "$((n * 1000))" >"$SPOOL/ready/.put"
		mv "$SPOOL/ready/.put" "$SPOOL/ready/$(ready "$n")"
	done
}

all_once() {
	ok "$1: all are loaded" wait_rows "$((n * 1000))" 60
	ok "$1: nothing is left" wait_for -t 60 no_files ready
	sql_is "SELECT COUNT(*), COUNT(DISTINCT payload->>'n') FROM logs" \
		"$((n * 1000))	$((n * 1000))" "$1: each event once"
}

both() { # KIND: sets first and url
	postgresql_start "primary-$1"
	make_tables
	first=$DB_PORT
	postgresql_standby "standby-$1"
	url=postgresql://logs@$DB_HOST:$first,$DB_HOST:$DB_PORT/logs
	spool_new
	mkdir -p "$SPOOL/ready"
	n=1
	events 1000 0 >"$SPOOL/ready/$(ready 0)"
}

# --- a synchronous standby, amid the load

both sync
standby=$DB_PORT
DB_PORT=$first sql "ALTER SYSTEM SET synchronous_standby_names = '*';
	SELECT pg_reload_conf()" >"$DIR/.reload"
is_synchronous() {
	[ "$(DB_PORT=$first sql 'SELECT sync_state FROM pg_stat_replication')" = sync ]
}
wait_for is_synchronous || give_up 'there is no synchronous standby'
put 199
start sync logload --db "$url" --spool "$SPOOL" --jobs 2
DB_PORT=$first
ok 'sync: it loads' wait_rows 20000
unlike "$(log_since sync)" 'warn .*can be lost' 'sync: nothing to warn of'
postgresql_kill primary-sync
num "$(files ready)" -gt 1 'sync: the primary is killed meanwhile'
DB_PORT=$standby
wait_log sync 'is away' || fail 'it notices'
sql 'SELECT pg_promote()' >"$DIR/.promote"
all_once sync
unlike "$(log_since sync)" 'has forgotten' 'sync: nothing was forgotten'
stop sync
postgresql_kill standby-sync

# --- one that lags

both lags
postgresql_stop standby-lags
standby=$DB_PORT
DB_PORT=$first
start lags logload --db "$url" --spool "$SPOOL" --jobs 2
wait_rows 1000
like "$(log_since lags)" 'no synchronous_standby_names' 'lags: it warns'
put 19
ok 'lags: all are committed' wait_rows 20000
ok 'lags: all are in loaded/' wait_for no_files ready
postgresql_kill primary-lags
put 5
DB_PORT=$standby
postgresql_start standby-lags
sql 'SELECT pg_promote()' >"$DIR/.promote"
ok 'lags: the standby has lost events, which come back' \
	wait_log lags 'has forgotten .* files=' 60
all_once lags
done_testing
