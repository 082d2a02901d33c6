#!/usr/bin/env bash
# What the alerts and the dashboard ask for, a running pipeline tells. With
# promtool: its metrics are as Prometheus wants them, and each alert fires when it
# should, and no other.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"

monitoring=$TOP/cmd/pipeline/monitoring
# names FILE: the metrics that it asks for, a line each, as they are exported
names() {
	perl -ne 'print "$1\n" while
		/\b((?:log(?:recv|batch|load)|logs|pipeline)_[a-z_]+[a-z])\b/g' "$1" |
		sort -u
}

spool_new
start pipeline env PIPELINE_BIN="$BUILD" SPOOL="$SPOOL" LOGRECV_LISTEN=127.0.0.1:0 \
	LOGBATCH_MAX_AGE=100ms "$TOP/pipeline.sh"
wait_log pipeline 'listening address=' || give_up 'the pipeline does not start'
URL=http://$(log_since pipeline | sed -n 's/.* listening address=\([^ ]*\).*/\1/p')
ADMIN_URL=http://$(log_since pipeline |
	sed -n 's/.* listening for operators address=\([^ ]*\).*/\1/p')
post '[{"event":"a"},{"event":"b"}]'
is "$CODE" 200 'events are taken'
# All tools have told of theirs.
complete() {
	URL=$ADMIN_URL http GET /metrics
	cp "$DIR/.body" "$DIR/text"
	grep -q '^logload_events_loaded_total 2$' "$DIR/text" &&
		grep -q '^logbatch_files_rotated_total{cause="age"} 1$' "$DIR/text" &&
		grep -q '^pipeline_restarts_total' "$DIR/text"
}
ok 'and become rows' wait_for complete
for file in alerts.yml dashboard.json; do
	num "$(names "$monitoring/$file" | wc -l)" -ge 20 "$file asks for much"
	is "$(names "$monitoring/$file" | while IFS= read -r name; do
		grep -qE "^${name}[{ ]" "$DIR/text" || printf '%s\n' "$name"
	done)" '' '  of what there is'
done
ok 'dashboard.json is JSON' perl -MJSON::PP -0777 -ne 'decode_json($_)' \
	"$monitoring/dashboard.json"
unaccounted() {
	complete
	[ "$(awk '
		{ n[$1] = $2 }
		END { print n["logrecv_line_bytes_total"] - n["logload_bytes_loaded_total"] - \
			n["logrecv_buffer_bytes"] - n["logrecv_ready_bytes"] }' "$DIR/text")" = 0 ]
}
ok 'no byte is unaccounted for' wait_for unaccounted
if command -v promtool >/dev/null; then
	ok 'promtool finds nothing in the metrics' sh -c \
		'[ -z "$(promtool check metrics <"$1" 2>&1)" ]' - "$DIR/text"
	ok 'nor in the rules' promtool check rules "$monitoring/alerts.yml"
	ok 'each alert fires when it should' \
		promtool test rules "$monitoring/alerts.test.yml"
else
	note 'no promtool: the rules are not tried (Debian: prometheus)'
fi
stop pipeline
is "$STATUS" 0 'it stops with status 0'
done_testing
