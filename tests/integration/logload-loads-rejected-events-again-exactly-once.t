#!/usr/bin/env bash
# Rejected events that are loaded again are killed amid it, before a commit,
# after it, by -9, at random; two do it at a time, and beside one that follows
# the spool. Each event is one row or one record in the end, never both, never
# neither.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready"
make_tables
# It prunes the ledger, which else would be reminded.
export LOGLOAD_SETTLE=0

retry() {
	run logload --db "$DB_URL" --spool "$SPOOL" --retry-rejected "$@"
}

# The table refuses events of these names.
refuse_named() {
	refuse "NEW.event IN ('${1// /\', \'}')"
}

named() {
	events "$2" "$3" | sed "s/test/$1/"
}

# Ids of all rows and all records, each with how often it is there.
all_ids() {
	{
		sql "SELECT $(member n) FROM logs"
		rejected event | sed -n 's/.*"n":\([0-9]*\).*/\1/p'
	} | sort -n | uniq -c | awk '{ print $1, $2 }'
}

want_ids() {
	seq "$1" "$2" | sed 's/^/1 /'
}

# held N COMMAND...: runs it until its records are written, which makes N files
# of them; it comes to no commit.
held() {
	local want=$1

	shift
	mkdir -p "$DIR/faults"
	: >"$DIR/faults/publish"
	faults start held "$@"
	ok 'one has come to its commit' wait_for has_rejected "$want"
}
has_rejected() {
	[ "$(files rejected)" = "$1" ]
}
kill_held() {
	kill_hard held
	rm "$DIR/faults/publish"
}

# --- one that follows has written its records, and not committed

refuse_named bad
{ named good 5 0; named bad 3 5; } >"$SPOOL/ready/$(ready 1)"
held 1 logload --db "$DB_URL" --spool "$SPOOL"
kill_held
refuse
cp -p "$SPOOL/rejected/$(ready 1)" "$DIR/first"
retry
is "$STATUS/$(rows)" 75/0 'they are not taken: their file comes once more'
like "$ERR" "left for later: .* $(ready 1) is not committed yet" 'and said so'
exec 9<"$SPOOL/rejected/$(ready 1)"
flock 9
run timeout 60 logload --db "$DB_URL" --spool "$SPOOL" --once
is "$STATUS/$(rows)/$(files ready)" 74/0/1 \
	'the file waits for one who is at its records'
exec 9<&-
once
is "$STATUS/$(rows)/$(files rejected)" 0/8/0 \
	'the next one loads all, and takes the records back'
is "$(all_ids)" "$(want_ids 0 7)" 'each is there once'
cp -p "$DIR/first" "$SPOOL/rejected/$(ready 1)"
sql 'DELETE FROM log_files'
retry
is "$STATUS/$(rows)/$(files rejected)" 0/8/0 \
	'and once more, without a ledger: they are there already'

# --- killed at its commit

refuse_named 'bad worse'
{ named good 5 10; named bad 3 15; named worse 3 18; } >"$SPOOL/ready/$(ready 2)"
once
refuse_named worse
held 2 logload --db "$DB_URL" --spool "$SPOOL" --retry-rejected
old=$SPOOL/rejected/$(ready 2)
retry "$old"
is "$STATUS" 75 'another one leaves the file: status 75'
like "$ERR" "left for later: file=$old .*another process" 'it is locked'
kill_held
cp -p "$old" "$DIR/old"
again=$(ls "$SPOOL"/rejected/*@retry-*)
retry "$again"
is "$STATUS/$(ls "$SPOOL"/rejected/*@retry-*)" "75/$again" \
	'after that the new one is not taken, while the old one is there'
retry "$old"
is "$STATUS" 65 'but the old one'
retry "$again"
is "$STATUS" 65 'and then the new one'
is "$(sql "SELECT COUNT(*) FROM logs WHERE event = 'bad'")" 6 'once'
is "$(rejected line | xargs)" '9 10 11' 'the others are rejected again, once'

# --- killed between its commit and the removal

refuse
cp -p "$DIR/old" "$old"
retry "$old"
is "$STATUS/$(rows)/$(summary skipped)" 0/16/1 \
	'committed, not removed: skipped'
not_ok 'and removed' test -e "$old"
cp -p "$DIR/old" "$old"
retry
is "$STATUS/$(rows)/$(files rejected)" 0/19/0 'beside what is new'
is "$(all_ids)" "$({ want_ids 0 7; want_ids 10 20; })" 'each is there once'

# --- killed anywhere, in chunks

refuse_named bad
for i in $(seq 0 99); do
	named good 1 "$((i * 20 + 1000))"
	named bad 19 "$((i * 20 + 1001))"
done | sed "s/}\$/,\"x\":\"$(printf '%0300d' 0)\"}/" >"$SPOOL/ready/$(ready 3)"
once
is "$(rejected line | wc -l)" 1900 '1,900 records'
refuse
progressed() {
	[ "$(sql 'SELECT COUNT(*), SUM(progress) FROM log_files')" != "$1" ] ||
		! alive again
}
# Slow enough to be seen between two chunks.
kills=0
while [ "$kills" -lt 8 ]; do
	progress=$(sql 'SELECT COUNT(*), SUM(progress) FROM log_files')
	start again logload --db "$DB_URL" --spool "$SPOOL" --chunk 64KiB \
		--rate 2000 --retry-rejected
	wait_for progressed "$progress"
	alive again || break
	kill_hard again
	kills=$((kills + 1))
	# Some of the next chunk's are refused again, and taken in the end.
	if [ "$kills" -eq 2 ]; then refuse_named bad; else refuse;  fi
	[ "$(files rejected)" -gt 0 ] || break
done
num "$kills" -ge 3 "killed $kills times within it"
refuse
retry --chunk 64KiB
retry --chunk 64KiB
is "$STATUS/$(files rejected)" 0/0 'in the end nothing is rejected'
is "$(all_ids)" "$({ want_ids 0 7; want_ids 10 20; want_ids 1000 2999; })" \
	'each is there once'

# --- several at a time, beside one that follows

refuse_named bad
for n in 4 5 6 7 8 9; do
	{ named good 50 "$((n * 1000))"; named bad 50 "$((n * 1000 + 50))"; } \
		>"$SPOOL/ready/$(ready "$n")"
done
once
refuse
logload_start
for n in 1 2 3; do
	start "again$n" logload --db "$DB_URL" --spool "$SPOOL" --jobs 2 \
		--retry-rejected
done
for n in 4 5 6 7 8 9; do
	named good 50 "$((n * 1000 + 100))" >"$DIR/more"
	mv "$DIR/more" "$SPOOL/ready/$(ready "${n}0")"
done
for n in 1 2 3; do
	wait_exit "again$n"
	like "$STATUS" '^(0|75)$' 'one of three at a time'
done
ok 'the follower has loaded the rest' wait_rows 2919
stop logload
retry
is "$STATUS/$(files rejected)" 0/0 'nothing is left'
is "$(all_ids)" "$({
	want_ids 0 7
	want_ids 10 20
	want_ids 1000 2999
	for n in 4 5 6 7 8 9; do
		want_ids "$((n * 1000))" "$((n * 1000 + 149))"
	done
})" 'each is there once'
done_testing
