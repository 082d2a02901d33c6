#!/usr/bin/env bash
# Of the variables of the tools each one gets those of its own prefix alone, so
# that the password of the database is in logload and nowhere else.
. "$(dirname "$0")/../lib.sh"

spool_new
mkdir "$DIR/bin"
for tool in logrecv logbatch logload; do
	cat >"$DIR/bin/$tool" <<-'SH'
		#!/bin/sh
		env | grep '^LOG[A-Z]*_' | sort >"$DIR/$(basename "$0").now"
		mv "$DIR/$(basename "$0").now" "$DIR/$(basename "$0").env"
		exec sleep 60
	SH
	chmod +x "$DIR/bin/$tool"
done
export DIR
start pipeline env -u LOGRECV_ADMIN_LISTEN PIPELINE_BIN="$DIR/bin" SPOOL="$SPOOL" \
	LOGRECV_TOKEN_FILE=/a LOGRECV_MAX_EVENT=9MB LOGBATCH_MAX_AGE=1s LOGLOAD_DB=mysql://db \
	LOGLOAD_DB_PASSWORD=$'two\nLOGRECV_LISTEN=lines' LOGSEND_RATE=1 \
	"$TOP/pipeline.sh"
for tool in logrecv logbatch logload; do
	ok "$tool runs" wait_for test -e "$DIR/$tool.env"
done
stop pipeline
is "$(cat "$DIR/logrecv.env")" "LOGRECV_MAX_EVENT=9MB
LOGRECV_SPOOL=$SPOOL
LOGRECV_TOKEN_FILE=/a
LOGSEND_RATE=1" 'logrecv gets its own'
is "$(cat "$DIR/logbatch.env")" "LOGBATCH_DRAIN=yes
LOGBATCH_MAX_AGE=1s
LOGBATCH_SPOOL=$SPOOL
LOGSEND_RATE=1" 'logbatch gets its own'
is "$(cat "$DIR/logload.env")" "LOGLOAD_DB=mysql://db
LOGLOAD_DB_PASSWORD=two
LOGLOAD_DRAIN=20
LOGLOAD_SPOOL=$SPOOL
LOGRECV_LISTEN=lines
LOGRECV_MAX_EVENT=9MB
LOGSEND_RATE=1" 'logload gets its own, the password whole, and the limit of events'
done_testing
