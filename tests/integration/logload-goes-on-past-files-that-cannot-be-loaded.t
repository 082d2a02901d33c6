#!/usr/bin/env bash
# More files than are looked at in one go cannot be loaded: the others are
# loaded all the same, in following and with --once, which ends. Neither the
# log nor the CPU is filled with tries that cannot help.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
mkdir -p "$SPOOL/ready"
# Compressed, as their first bytes say, and broken.
perl -e 'for (1 .. 4200) {
	open my $f, ">", sprintf("%s/20250101T%02d%02d%02d.000000Z-h-1-%d.ndjson",
		$ARGV[0], $_ / 3600, $_ / 60 % 60, $_ % 60, $_) or die;
	print $f "\x1f\x8b\x08 no more"; close $f }' "$SPOOL/ready"
events 10 >"$SPOOL/ready/$(ready 1)"

once
is "$STATUS" 74 '--once ends with status 74'
is "$(rows)" 10 'the good file is loaded'
is "$(files ready)" 4200 'the bad ones are kept'
is "$(grep -c ' error .* the file stays in ready/' <<<"$ERR")" 64 \
	'some of them are told of'
like "$ERR" 'more files stay in ready/ .* files=4136' 'the others are counted'

events 10 10 >"$SPOOL/ready/$(ready 2)"
logload_start
ok 'following: the good file is loaded' wait_rows 20
ok 'the bad ones are told of' wait_log logload 'more files stay .* files=4136'
events 10 20 >"$SPOOL/ready/.x"
mv "$SPOOL/ready/.x" "$SPOOL/ready/$(ready 3)"
ok 'so is a later one' wait_rows 30
stop logload
num "$(log_since logload | grep -c ' error ')" -lt 70 'the log is short'
num "$(metric logload 'logload_retries_total{class="io"}')" -le 12600 \
	'no more rounds than there was a reason for'
done_testing
