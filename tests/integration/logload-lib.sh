# shellcheck shell=bash
#
# logload-lib.sh - what the tests of logload share, beside lib.sh.
#
#	load [OPTION]... FILE...     runs logload --db $DB_URL by hand, with
#	                     rejected events in $DIR/rejected; see run in lib.sh
#	once [OPTION]...     runs logload --db $DB_URL --spool $SPOOL --once
#	summary KEY          prints a number of the summary in $OUT: events, …
#	events N [FROM]      prints N events, numbered from FROM (0)
#	ready N              prints the name of a file as a spool makes it, the
#	                     N-th by age; it lies in $SPOOL/ready once written
#	rejected KEY         prints a member of each record in $DIR/rejected and
#	                     $SPOOL/rejected, a line each, in the files' order
#	ledger COLUMN        prints a column of log_files, a file a line
#	id_of N              prints the id of the N-th file of log_files by its
#	                     beginning; of the last one without N
#	sum_of_rows N        prints a sum over all that its rows hold
#	works_on_a_file      does a loader hold a claim on a file of $SPOOL/ready?

mkdir -p "$DIR/rejected"

load() {
	run logload --db "$DB_URL" --rejected-dir "$DIR/rejected" "$@"
}

once() {
	run logload --db "$DB_URL" --spool "$SPOOL" --once "$@"
}

summary() {
	printf '%s\n' "$OUT" | sed -n "s/^.* $1=\([0-9.]*\).*/\1/p" | tail -n 1
}

events() {
	seq "${2:-0}" "$((${2:-0} + $1 - 1))" |
		sed 's/.*/{"id":"e&","event":"test","n":&}/'
}

ready() {
	printf '20260101T%02d%02d%02d.000000Z-h-1-%d.ndjson\n' \
		"$(($1 / 3600))" "$(($1 / 60 % 60))" "$(($1 % 60))" "$1"
}

# shellcheck disable=SC2016 # the code in quotes is not for this shell
rejected() {
	find "$DIR/rejected" "${SPOOL:-$DIR/rejected}/rejected" -name '[!.]*' \
		-type f -print0 2>/dev/null | sort -z |
		xargs -0 -r perl -MJSON::PP -ne '
			BEGIN { $key = shift @ARGV }
			my $v = decode_json($_)->{$key};
			$v = JSON::PP->new->canonical->encode($v) if ref $v;
			utf8::encode($v) if defined $v;
			print defined $v ? $v : "-", "\n"' "$1"
}

ledger() {
	sql "SELECT $1 FROM log_files ORDER BY started_at, name"
}

# Asked of the lock: /proc/PID/fd of one that keeps a secret is not for everybody,
# nor for a container's root.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
works_on_a_file() {
	perl -MFcntl -e '
		open my $lock, "+<", $ARGV[0] or exit 1;
		my $who = pack "s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0;
		fcntl $lock, F_GETLK, $who or die "fcntl: $!";
		exit(unpack("s", $who) == F_UNLCK)' "$SPOOL/ready/.lock"
}

id_of() {
	ledger id | sed -n "${1:-\$}p"
}

sum_of_rows() {
	local all

	all=$(sql "SELECT line, occurred_at, event, level, user_id, payload
		FROM logs WHERE file_id = $(id_of "${1-}") ORDER BY line")
	[ -z "$all" ] ||
		printf '%s\t%s\n' "$(wc -l <<<"$all")" "$(cksum <<<"$all")"
}
