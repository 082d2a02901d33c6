#!/usr/bin/env bash
# The disk is really full: 503 with Retry-After, what was written in part is
# cut back, every acknowledged event is there, and with room all is well again.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

SPOOL=$DIR/disk/spool
mkdir "$DIR/disk"
mount -t tmpfs -o size=2m none "$DIR/disk" 2>"$DIR/mount" ||
	skip_all "cannot mount: $(head -n 1 "$DIR/mount")"
# Before lib.sh tidies up.
trap 'umount -l "$DIR/disk"; tests_end' EXIT

# fill LOG: posts events of 20 kB until one is refused; notes who was taken
fill() {
	local i pad
	pad=$(printf '%020000d' 0)
	for i in $(seq 1 2000); do
		post "{\"id\":\"$1-$i\",\"pad\":\"$pad\"}"
		[ "$CODE" = 200 ] || return 0
		echo "$1-$i" >>"$DIR/acked"
	done
	return 1
}

# ids: those that are stored
ids() {
	stored | sed -n 's/^{"id":"\([^"]*\)".*"@received_at":"[^"]*"}$/\1/p'
}

logrecv_start --workers=1 --min-free=0 --spool-limit=0
ok 'the disk becomes full' fill first
is "$CODE" 503 'events are refused'
like "$BODY" '^\{"error":"[^"]+"\}$' 'with a reason'
ok 'and with Retry-After' grep -qi '^Retry-After: [0-9]' "$HEADERS"
ok 'its log says why' wait_log logrecv 'No space left on device'
http GET /healthz
is "$CODE" 200 'it is alive'
URL=$ADMIN_URL http GET /metrics
is "$CODE" 200 'the metrics can be read'
counted() {
	[ "$(scrape logrecv_store_errors_total)" -ge 1 ]
}
ok 'and count the error' wait_for counted
is "$(tail -qc 1 "$SPOOL"/buffer/*.ndjson | tr -d '\n' | wc -c)" 0 \
	'no file ends in half a line'
is "$(ids | sort)" "$(sort "$DIR/acked")" \
	'what was acknowledged is stored, and nothing else'

for f in "$SPOOL"/buffer/*.ndjson; do
	mv "$f" "$DIR/" # as if it had been loaded
done
ok 'with room again, events are taken' wait_for send_event '{"id":"second"}'
is "$(ids)" second 'in a new file'

: >"$DIR/acked"
rm "$SPOOL"/buffer/*.ndjson
ok 'it becomes full again' fill third
is "$(ids | sort)" "$(sort "$DIR/acked")" 'with the same result'
stop logrecv
is "$STATUS" 0 'it ends with status 0 on a full disk'
NAME=again logrecv_start --workers=1 --min-free=0
post "{\"pad\":\"$(printf '%020000d' 0)\"}"
is "$CODE" 503 'and starts on one'
stop again
done_testing
