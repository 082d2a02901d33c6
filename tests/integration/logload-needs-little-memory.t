#!/usr/bin/env bash
# Memory does not grow with a file, plain or compressed, nor with what is
# rejected: hardly more than for one event, and for an event of 16 MB under
# 56 MiB more; ODBC's drivers copy it once more than the libraries. What those of
# all databases take is not ours to bound.
# databases: mariadb mysql postgresql sqlite odbc
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

grep -q fsanitize "$BUILD/flags" 2>/dev/null &&
	skip_all 'sanitizers need memory of their own'
options=() most=56
case $DB in
mariadb) options=(--max-allowed-packet=1G --innodb-log-file-size=256M) ;;
odbc) most=68 ;;
mysql) options=(--max-allowed-packet=1G --innodb-redo-log-capacity=512M) ;;
esac
db_start "${options[@]}"

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

more() {
	local most

	most=$(peak "$@")
	echo "$((most - least))"
}
echo '{"x":1}' >"$DIR/one"
least=$(peak "$DIR/one")
note "one event: $least KiB"

perl -e 'for (1 .. 60000) { printf "{\"id\":%d,\"x\":\"%0999d\"}\n", $_, 0 }' \
	>"$DIR/large"
num "$(more "$DIR/large")" -lt 9216 '60 MB: under 9 MiB more'
is "$(rows)" 60001 'loaded'
gzip -1 "$DIR/large"
num "$(more --force "$DIR/large.gz")" -lt 9216 'compressed: under 9 MiB more'
is "$(rows)" 120001 'loaded'
perl -e 'print "{}\n", "x\n" x 100000' >"$DIR/bad"
num "$(more "$DIR/bad")" -lt 9216 'nothing but bad lines: under 9 MiB more'
is "$(cat "$DIR"/rejected/bad@* | wc -l)" 100000 'rejected'
perl -e 'print "{\"x\":\"", "y" x 100000000, "\"}\n"' >"$DIR/line"
num "$(more "$DIR/line")" -lt 57344 'a line of 100 MB: under 56 MiB more'
perl -e 'print "{\"x\":\"", "\\n" x 8000000, "\"}\n"' >"$DIR/event"
num "$(more "$DIR/event")" -lt "$((most * 1024))" \
	"an event of 16 MB: under $most MiB more"
sql_is "SELECT COUNT(*) FROM logs WHERE LENGTH($(payload)) >= 16000008" 1 'loaded'
done_testing
