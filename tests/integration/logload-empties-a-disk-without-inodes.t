#!/usr/bin/env bash
# A disk on which not one more file can be made is emptied all the same, also
# by a logload that is started there for the first time and finds no room for
# its own: for claims, and for metrics.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

mkdir "$DIR/disk"
mount -t tmpfs -o size=8m,nr_inodes=20 none "$DIR/disk" 2>"$DIR/mount" ||
	skip_all "cannot mount: $(head -n 1 "$DIR/mount")"
trap 'umount -l "$DIR/disk"; tests_end' EXIT
SPOOL=$DIR/disk/spool
mkdir -p "$SPOOL" "$SPOOL"/{buffer,ready,rejected,loaded,metrics}
files=0
while events 1 "$files" 2>"$DIR/full" >"$SPOOL/ready/$(ready "$files")"; do
	files=$((files + 1))
done 2>"$DIR/full"
num "$files" -gt 5 "the disk is full: $files files"
db_start
logload_start --jobs=2
ok 'each becomes a row' wait_rows "$files"
ok 'and goes' wait_for no_files ready
is "$(rows)" "$files" 'none twice'
is "$(grep -c 'No space left.* (going on without' "$DIR/logload.log")" 2 \
	'what there was no room for is said, once each'
stop logload
is "$STATUS" 0 'it stops with status 0'
done_testing
