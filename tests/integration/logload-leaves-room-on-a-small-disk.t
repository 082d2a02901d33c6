#!/usr/bin/env bash
# rejected/ is never what fills the disk, however small that is and whatever
# the limit says. And where something else has filled it, files whose records
# cannot be written stay whole, the others go on, and all is well once there is
# room.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

mkdir "$DIR/disk"
mount -t tmpfs -o size=8m none "$DIR/disk" 2>"$DIR/mount" ||
	skip_all "cannot mount: $(head -n 1 "$DIR/mount")"
# Before lib.sh tidies up.
trap 'umount -l "$DIR/disk"; tests_end' EXIT
SPOOL=$DIR/disk/spool
mkdir -p "$SPOOL/ready" "$SPOOL/rejected"
PAD=$(printf 'x%.0s' {1..2000})

# put N EVENTS: a file with a good one, and so many that are refused
put() {
	{
		echo '{"event":"good"}'
		yes "{\"event\":\"bad\",\"pad\":\"$PAD\"}" | head -n "$2"
	} >"$SPOOL/ready/.put"
	mv "$SPOOL/ready/.put" "$SPOOL/ready/$(ready "$1")"
}

db_start
make_tables
constrain "event <> 'bad'"

# --- ten times the limit

export LOGLOAD_SETTLE=0

logload_start --rejected-full drop
ok 'the limit is a quarter of the disk' wait_log logload \
	'--rejected-limit is lowered .* bytes=2097152$'
for n in {1..20}; do
	put "$n" 500
	wait_for no_files ready || break
done
ok 'all good events are loaded' wait_rows 20
num "$(du -sk "$SPOOL/rejected" | cut -f 1)" -le 2100 'it is kept'
ok 'nothing is left in ready/' wait_for no_files ready
stop logload

# --- the end of the disk

rm "$SPOOL"/rejected/*
put 101 500
dd if=/dev/zero of="$DIR/disk/full" bs=64k 2>"$DIR/dd"
truncate -s -256K "$DIR/disk/full"
once
is "$STATUS" 75 'no room on the disk: status 75'
like "$ERR" 'the file stays in ready/: .*No space left on device' 'and why'
is "$(files ready)/$(files rejected)/$(rows)" 1/0/20 'it stays, whole'
is "$(find "$SPOOL/rejected" -name '.*')" '' 'no draft takes what room there is'
logload_start
ok 'following: the same' wait_log logload 'the file stays in ready/'
echo '{"event":"good"}' >"$SPOOL/ready/.x"
mv "$SPOOL/ready/.x" "$SPOOL/ready/$(ready 102)"
ok 'one without refused events is loaded' wait_rows 21
rm "$DIR/disk/full"
ok 'room: the other one, too' wait_rows 22
ok 'nothing is left in ready/' wait_for no_files ready
is "$(lines rejected)" 500 'and each record is there'
stop logload

# --- the same with drop

put 103 500
dd if=/dev/zero of="$DIR/disk/full" bs=64k 2>"$DIR/dd"
once --rejected-full drop
is "$STATUS/$(files ready)" 0/0 'drop: a full disk keeps nothing in ready/'
is "$(rows)" 23 'the good event is a row'
not_ok 'older records have gone first' \
	test -e "$SPOOL/rejected/$(ready 101)"
lost=$(grep -o 'has no room for them .see --rejected-limit.: events=[0-9]*' <<<"$ERR" | cut -d= -f2)
is "$(($(lines rejected) + ${lost:-0}))" 500 \
	'the new ones are there, or counted as lost'

# --- what is loaded gives way to events

# fill FREE: the disk has so much left
fill() {
	dd if=/dev/zero of="$DIR/disk/full" bs=64k 2>"$DIR/dd"
	truncate -s "-$1" "$DIR/disk/full"
}
# loads N
loads() {
	put "$1" 0
	wait_for no_files ready
}
unset LOGLOAD_SETTLE
rm "$DIR/disk/full" "$SPOOL"/rejected/*
logload_start
logrecv_start --min-free=2MiB
ok 'what is loaded stays' loads 201
is "$(files loaded)" 1 'while there is room'
fill 3M
ok 'it goes when the disk is nearly full' wait_for no_files loaded
like "$(log_since logload)" 'removed from loaded/, which is at the end of the d' \
	'told'
unlike "$(log_since logload)" 'without asking' 'the ledger was asked'
http GET /readyz
is "$CODE" 200 'before any event is refused'
rm "$DIR/disk/full"
ok 'there is room again' loads 202
is "$(files loaded)" 1 'another one'
db_kill
fill 3M
ok 'it goes, though the database is away' wait_for -t 30 no_files loaded
# SQLite's file may still be open, wherever it is now.
[ "$DB" = sqlite ] ||
	ok 'and that is told' wait_log logload 'warn .* without asking the ledger: files=1'
stop logrecv
stop logload
done_testing
