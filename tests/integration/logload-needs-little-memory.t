#!/usr/bin/env bash
# Memory does not grow with a file, plain or compressed, nor with what is
# rejected: under 70 MiB, with an event of 16 MiB on top.
# databases: mariadb postgresql
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

grep -q fsanitize "$BUILD/flags" 2>/dev/null &&
	skip_all 'sanitizers need memory of their own'
options=()
[ "$DB" != mariadb ] ||
	options=(--max-allowed-packet=1G --innodb-log-file-size=256M)
db_start "${options[@]}"
# The libraries of all databases are 13 MiB of it: Kerberos, LDAP and the like.

# peak OPTION... FILE: loads it by hand and prints the most memory, in KiB
peak() {
	perl -e '
		my $pid = fork // die;
		if (!$pid) { open STDOUT, ">", "/dev/null"; exec @ARGV or die }
		my $most = 0;
		while (waitpid($pid, 1) == 0) {
			if (open my $f, "<", "/proc/$pid/status") {
				while (<$f>) { $most = $1 if /^VmHWM:\s+(\d+)/ && $1 > $most }
			}
			select undef, undef, undef, 0.01;
		}
		print "$most\n"' logload --db "$DB_URL" --rejected-dir \
		"$DIR/rejected" "$@" 2>>"$DIR/peak.log"
}

perl -e 'for (1 .. 60000) { printf "{\"id\":%d,\"x\":\"%0999d\"}\n", $_, 0 }' \
	>"$DIR/large"
num "$(peak "$DIR/large")" -lt 24576 '60 MB: under 24 MiB'
is "$(rows)" 60000 'loaded'
gzip -1 "$DIR/large"
num "$(peak --force "$DIR/large.gz")" -lt 24576 'compressed: under 24 MiB'
is "$(rows)" 120000 'loaded'
perl -e 'print "{}\n", "x\n" x 100000' >"$DIR/bad"
num "$(peak "$DIR/bad")" -lt 24576 'nothing but bad lines: under 24 MiB'
is "$(cat "$DIR"/rejected/bad@* | wc -l)" 100000 'rejected'
perl -e 'print "{\"x\":\"", "y" x 100000000, "\"}\n"' >"$DIR/line"
num "$(peak "$DIR/line")" -lt 71680 'a line of 100 MB: under 70 MiB'
perl -e 'print "{\"x\":\"", "\\n" x 8000000, "\"}\n"' >"$DIR/event"
num "$(peak "$DIR/event")" -lt 71680 'an event of 16 MB: under 70 MiB'
sql_is 'SELECT COUNT(*) FROM logs WHERE LENGTH(CONCAT(payload)) = 16000008' 1 'loaded'
done_testing
