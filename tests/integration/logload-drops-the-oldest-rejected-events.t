#!/usr/bin/env bash
# With --rejected-full=drop no good event ever waits for what the database
# refuses: the oldest records make way, which is counted and told, and rejected/
# keeps to its limit. What is being loaded again is not taken from under that.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

LIMIT=10000
PAD=$(printf 'x%.0s' {1..800})

bad() {
	printf '{"event":"bad","n":%d,"pad":"%s"}\n' "$1" "$PAD"
}

lying() {
	find "$SPOOL/rejected" -type f -printf '%s\n' |
		awk '{ n += $1 } END { print n + 0 }'
}

dropped() {
	metric logload "logload_rejected_dropped_$1_total"
}

db_start
make_tables
constrain "event <> 'bad'"
spool_new
mkdir -p "$SPOOL/ready" "$SPOOL/rejected"

for n in {1..100}; do
	{ events 1; bad "$n"; events 1; } >"$SPOOL/ready/$(ready "$n")"
done
once --rejected-limit "$LIMIT" --rejected-full drop
is "$STATUS" 0 'ten times the limit: status 0'
ok 'nothing is left in ready/' no_files ready
is "$(rows)" 200 'all good events are loaded'
num "$(lying)" -le "$LIMIT" 'rejected/ keeps to its limit'
kept=$(files rejected)
num "$kept" -ge 5 'and is not emptied'
is "$(rejected event | grep -o '"n":[0-9]*' | tr -d '"n:' | xargs)" \
	"$(seq -s ' ' "$((101 - kept))" 100)" 'the youngest stay'
is "$(dropped files) $(dropped events)" "$((100 - kept)) $((100 - kept))" \
	'the others are counted'
num "$(dropped bytes)" -gt "$((900 * (100 - kept)))" 'in bytes, too'
is "$(grep -c 'error .* dropped from rejected/.*--rejected-limit.*events=1 ' <<<"$ERR")" \
	"$((100 - kept))" 'and told'

# --- one file's records are more than the limit

{ for n in {101..300}; do bad "$n"; done; events 3; } \
	>"$SPOOL/ready/$(ready 101)"
once --rejected-limit 100kB --rejected-full drop
is "$STATUS/$(files ready)" 0/0 'a file with more than the limit is loaded'
is "$(rows)" 203 'its good events are rows'
num "$(lying)" -le 100000 'rejected/ keeps to its limit'
remain=$(lines rejected)
num "$remain" -ge 50 'some of its records are there'
is "$(($(dropped events) + remain))" "$((kept + 200))" 'the rest is counted'
like "$ERR" "error .* dropped, since rejected/ has no room for them .see --rejected-limit.: events=" \
	'and told'
ok 'what is left is whole' test -n "$(rejected event)"
is "$(ledger rejected | tail -n 1)" 200 'the ledger has all of them'

# --- and more than the limit at once

{ for n in {1..20}; do bad "$n"; done; events 1; } >"$SPOOL/ready/$(ready 102)"
before=$(lines rejected)
once --rejected-limit "$LIMIT" --rejected-full drop
is "$STATUS/$(files ready)" 0/0 'nor does one stay of which no record fits'
is "$(dropped events)" 20 'they are counted'
is "$(lines rejected)" "$before" 'and drive nothing out'

# --- one that is being loaded again

rm -f "$SPOOL"/rejected/*
for n in {1..20}; do
	{ events 1; bad "$n"; } >"$SPOOL/ready/$(ready "$((200 + n))")"
done
once --rejected-limit "$LIMIT" --rejected-full drop
first=$(find "$SPOOL/rejected" -type f -printf '%f\n' | sort | head -n 1)
second=$(find "$SPOOL/rejected" -type f -printf '%f\n' | sort | sed -n 2p)
start lock flock "$SPOOL/rejected/$first" sleep 60
is_locked() { ! flock -n "$SPOOL/rejected/$first" true; }
ok 'a retry has the oldest file' wait_for is_locked
for n in {301..302}; do
	{ events 1; bad "$n"; } >"$SPOOL/ready/$(ready "$n")"
done
once --rejected-limit "$LIMIT" --rejected-full drop
is "$STATUS/$(files ready)" 0/0 'the others make way'
ok 'it stays' test -f "$SPOOL/rejected/$first"
not_ok 'the next one went' test -e "$SPOOL/rejected/$second"
kill_group lock
{ events 1; bad 303; } >"$SPOOL/ready/$(ready 303)"
once --rejected-limit "$LIMIT" --rejected-full drop
not_ok 'when the retry has ended, it goes' test -e "$SPOOL/rejected/$first"

# --- beside a retry, many times

logload_start --rejected-limit "$LIMIT" --rejected-full drop --jobs 2
for n in {401..440}; do
	{ events 1; bad "$n"; } >"$SPOOL/ready/.x"
	mv "$SPOOL/ready/.x" "$SPOOL/ready/$(ready "$n")"
	[ "$((n % 10))" -ne 0 ] || run logload --retry-rejected --db "$DB_URL" \
		--spool "$SPOOL"
done
ok 'two jobs, and retries beside: all good events are rows' wait_rows 267
ok 'nothing is left in ready/' wait_for no_files ready
stop logload
num "$(lying)" -le "$((LIMIT + 3000))" 'the limit is kept, but for what is between looks'
done_testing
