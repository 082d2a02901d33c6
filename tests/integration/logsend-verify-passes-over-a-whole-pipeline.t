#!/usr/bin/env bash
#
# The real tools behind one another: all that logsend was promised are rows,
# once each, and its check says so.
# shellcheck disable=SC2119 # options are not needed
. "$(dirname "$0")/../lib.sh"

spool_new
db_start
logrecv_start
logbatch_start --max-age 500ms
logload_start
printf 'secret\n' >"$DIR/password"
run env DB_HOST="$DB_HOST" DB_PORT="$DB_PORT" DB_PASSWORD_FILE="$DIR/password" \
	LOGSEND_URL="$URL/log" LOGSEND_RATE=1000 LOGSEND_DURATION=3s \
	LOGSEND_SPOOL="$SPOOL" VERIFY_TIMEOUT=30s \
	"$TOP/cmd/logsend/logsend-verify.sh"
is "$OUT" $'sent 3000\nacknowledged 3000\nrows 3000\nmissing 0\ntwice 0' \
	'every acknowledged event is one row'
is "$STATUS" 0 'which is success'
is "$(rows)" 3000 'and the table says the same'
is "$(metric logsend logsend_events_acknowledged_total)" 3000 \
	'logsend'\''s metrics lie beside those of the other tools'
# serves: made once a second
serves() {
	URL=$ADMIN_URL http GET /metrics
	[[ $BODY == *'logsend_events_acknowledged_total 3000'* ]]
}
ok 'and logrecv serves them' wait_for serves

run env DB_HOST="$DB_HOST" DB_PORT="$DB_PORT" DB_PASSWORD_FILE="$DIR/password" \
	LOGSEND_URL="$URL/log" LOGSEND_RATE=200 LOGSEND_DURATION=2s \
	LOGSEND_BATCH=100 VERIFY_TIMEOUT=30s "$TOP/cmd/logsend/logsend-verify.sh"
is "$OUT" $'sent 40000\nacknowledged 40000\nrows 40000\nmissing 0\ntwice 0' \
	'a second run counts its own rows alone'
is "$STATUS" 0 'which is success'
done_testing
