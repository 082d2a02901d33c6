#!/usr/bin/env bash
# Over --spool-limit, or with less than --min-free on its disk, it says 503 and
# why, before anything is stored; and it takes events again without a restart.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# health: 200 or 503, is it ready?
health() {
	http GET /readyz
	[ "$CODE" = "$1" ]
}

spool_new
logrecv_start --workers=1 --spool-limit=100kB --min-free=0
ok 'it is ready' wait_for health 200
ok 'and takes events' send_event '{"a":1}'
mkdir -p "$SPOOL/ready"
head -c 99000 /dev/zero >"$SPOOL/ready/20200101T000000.000000Z-x-1-1.ndjson"
wait_for sample_is logrecv_ready_bytes 99000
room=$(scrape logrecv_room_bytes)
num "$room" -le 1000 'which says how much may still come'
ok 'below the limit it goes on' send_event '{"a":2}'
head -c 2000 /dev/zero >"$SPOOL/ready/20200101T000000.000000Z-x-1-2.ndjson"
ok 'over it, it is no longer ready' wait_for health 503
like "$BODY" '"reason":"[^"]*--spool-limit' 'and says why'
before=$(lines buffer)
post '{"a":3}'
like "$CODE $BODY" '^503 \{"error":"[^"]*--spool-limit[^"]*100000' \
	'refuses events by the name of the limit'
ok 'with Retry-After' grep -qi '^Retry-After: [0-9]' "$HEADERS"
post '{"a":3' # a 503 comes before the body is looked at
is "$CODE" 503 'good or bad'
post '{"a":3}' -H 'Expect: 100-continue'
is "$CODE" 503 'without a 100 first'
is "$(lines buffer)" "$before" 'nothing of that is stored'
http GET /healthz
is "$CODE" 200 'it is alive, though'
URL=$ADMIN_URL http GET /metrics
is "$CODE" 200 'and shows its metrics'
ok 'which say so' grep -q '^logrecv_ready 0$' <<<"$BODY"
is "$(log_since logrecv | grep -c 'refusing events')" 1 'its log says so once'
rm "$SPOOL"/ready/*-2.ndjson
ok 'when there is room, it is ready again' wait_for health 200
ok 'and takes events' send_event '{"a":4}'
ok 'its log says so' wait_log logrecv 'taking events again'
stop logrecv

NAME=small logrecv_start --workers=1 --min-free=900TB
ok 'a disk with less than --min-free free' wait_for health 503
post '{"a":5}'
like "$CODE $BODY" '^503 \{"error":"[^"]*--min-free[^"]*900000000000000' \
	'is named'
stop small
is "$STATUS" 0 'it ends with status 0'
done_testing
