#!/usr/bin/env bash
# Where the machine has no inotify instance left for us, it looks by itself.
. "$(dirname "$0")/../lib.sh"

unshare --user --map-root-user sh -c \
	'echo 0 >/proc/sys/user/max_inotify_instances' 2>/dev/null ||
	skip_all 'no user namespaces here'

spool_new
start logbatch unshare --user --map-root-user sh -c \
	'echo 0 >/proc/sys/user/max_inotify_instances && exec "$@"' - \
	logbatch --spool "$SPOOL" --max-size=1kB --max-age=1s
ok 'it says so' wait_log logbatch 'warn logbatch: watch .*inotify'
large=$(date -u +%Y%m%dT%H%M%S.%6NZ-test-1-1.ndjson)
small=$(date -u +%Y%m%dT%H%M%S.%6NZ-test-1-2.ndjson)
head -c 1000 /dev/zero >"$SPOOL/buffer/$large"
echo '{}' >"$SPOOL/buffer/$small"
ok 'a large file goes' wait_for -t 1 test -e "$SPOOL/ready/$large"
ok 'an old one too' wait_for -t 3 test -e "$SPOOL/ready/$small"
stop logbatch
is "$STATUS" 0 'SIGTERM ends it with status 0'
done_testing
