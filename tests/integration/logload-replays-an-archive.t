#!/usr/bin/env bash
# An archive of many files: --since and --until choose by the time in a name, what
# has none is told of, Ctrl-C and the same command again load each event once, the
# sum at the end tells what was done, and memory does not grow with the files.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

# total NAME...: numbers of the totals in the JSON of $OUT
total() {
	printf '%s\n' "$OUT" | perl -MJSON::PP -e '
		local $/;
		my $all = decode_json(<STDIN>);
		print join("/", map { $all->{totals}{$_} // $all->{$_} } @ARGV), "\n"' \
		"$@"
}
# The names of those that are loaded, or would be.
taken() {
	printf '%s\n' "$ERR" | sed -n 's/.*loaded: file=\([^ ]*\) .*/\1/p' |
		sed "s|^$DIR/||" | xargs
}
look() {
	run logload --dry-run "$@"
}

# --- which ones

mkdir -p "$DIR/a/2026/11/22/07" "$DIR/a/2026/11/23"
at() {
	printf '20261122T%06d.000000Z-h-1-%d-0123abcd%s.ndjson' "$1" "$1" "${2:-}"
}
for name in "$(at 73300)" "$(at 73351)" "$(at 73400)" "$(at 73401 +mine-2020-01-01)" \
	app-2026-11-21.log app-2026-11-22.log app.log-20261123 app.log \
	2026/11/22/07/x.ndjson 2026/11/23/x.ndjson; do
	echo "{\"event\":\"$name\"}" >"$DIR/a/$name"
done
look --since 2026-11-22T07:33:51Z --until 2026-11-22T07:34:00Z "$DIR/a"
is "$STATUS" 0 'a span: status 0'
is "$(taken)" "a/$(at 73351) a/app-2026-11-22.log" \
	'the one within it, and one of all that day'
like "$ERR" "warn .*without a time in their names: file=$DIR/a/app.log" \
	'the one without a time is told of'
like "$ERR" 'not of the time of --since and --until: files=5' 'as are the others'
like "$OUT" 'would load: files=2 loaded=2 skipped=0 outside=5 untimed=1 events=2 ' \
	'and in the sum'
look --since 20261122T073401 "$DIR/a"
is "$(taken)" "a/$(at 73401 +mine-2020-01-01) a/app-2026-11-22.log a/app.log-20261123" \
	'from an instant on'
look --until 2026-11-22 "$DIR"/a/* "$DIR/absent"
is "$STATUS/$(taken)" 74/a/app-2026-11-21.log \
	'before a day; what is not there is not left out'
look --since 2026-11-22 --until 2026-11-23 "$DIR"/a/2026/11/23 \
	"$DIR/a/2026/*/*/*/*.ndjson"
is "$(taken)" a/2026/11/22/07/x.ndjson 'by the directories'
touch "$DIR/a/app-$(date -u +%Y-%m-%d).log"
look --since 1d "$DIR/a"
is "$(taken)" "a/app-$(date -u +%Y-%m-%d).log" 'since a day ago'
look --report json --since 3000-01-01 "$DIR/a"
is "$STATUS/$(total files outside untimed reason)" 0/0/8/1/done 'none'
for words in '--since=yesterday x' '--until=2026-11-31 x' '--since=1d -' \
	'--since=2026-11-22 --until=2026-11-22 x' "--since=1d --spool=$DIR/s"; do
	# shellcheck disable=SC2086 # they are words
	run logload --db "sqlite:$DIR/none" $words
	like "$STATUS $ERR" '^64 logload: .*(since|until)' "64: $words"
done
like "$(run logload --dry-run --since=2x x; echo "$ERR")" \
	"--since: '2x' is no time such as 2026-11-22, " 'which names the form'

# --- all of it, in two turns

db_start
mkdir "$DIR/many"
perl -e '
	for my $i (1 .. 300) {
		my $name = $i % 2 ? sprintf("app-%05d.log", $i)
		    : sprintf("20261122T%06d.%06dZ-h-1-%d-0123abcd.ndjson", 0, $i, $i);
		open my $f, ">", "$ARGV[0]/$name" or die;
		printf $f "{\"id\":\"%d-%d\"}\n", $i, $_ for 1 .. 20;
		print $f "bad\n" if $i % 100 == 0;
	}' "$DIR/many"
start first logload --db "$DB_URL" --rejected-dir "$DIR/rejected" --rate 3000 \
	--report json "$DIR/many"
ok 'some files are loaded' wait_rows 500
stop first INT
is "$STATUS" 75 'Ctrl-C: status 75'
OUT=$(<"$DIR/first.out")
loaded=$(total loaded)
is "$(total files reason)" 300/stopped 'of so many files'
num "$loaded" -lt 300 'not all are loaded'
load --report json --jobs 3 "$DIR"/many
is "$STATUS" 65 'the same again: status 65, for what was rejected'
is "$(total files skipped loaded)" "300/$loaded/$((300 - loaded))" \
	'what is loaded is skipped'
like "$(total seconds events_per_second)" '^[0-9.]+/[1-9][0-9]*$' 'time and rate'
sql_is "SELECT COUNT(*), COUNT(DISTINCT $(member id)) FROM logs" '6000	6000' \
	'each event is a row, once'
is "$(rejected raw | xargs)" 'bad bad bad' 'and the others are records'
load "$DIR"/many/*
is "$STATUS" 0 'once more'
like "$OUT" '^loaded: files=300 loaded=0 skipped=300 events=0 rejected=0 ' \
	'all are skipped'
# A log among its kin that has grown since.
echo '{"id":"more"}' >>"$DIR/many/app-00299.log"
mv "$DIR/many/app-00299.log" "$DIR/many/app-00400.log"
load "$DIR/many"
is "$STATUS/$(summary loaded)/$(summary skipped)/$(summary events)" 0/1/299/1 \
	'one that has grown meanwhile is gone on with'

# --- so much memory

grep -q fsanitize "$BUILD/flags" 2>/dev/null || {
	peak() {
		perl -e '
			my $pid = fork // die;
			if (!$pid) { open STDERR, ">", "/dev/null"; exec @ARGV or die }
			my $most = 0;
			while (waitpid($pid, 1) == 0) {
				if (open my $f, "<", "/proc/$pid/status") {
					while (<$f>) { $most = $1 if /^VmHWM:\s+(\d+)/ }
				}
				select undef, undef, undef, 0.01;
			}
			print "$most\n"' logload --db "$DB_URL" \
			--rejected-dir "$DIR/rejected" "$@" | tail -n 1
	}
	mkdir "$DIR/few" "$DIR/more"
	perl -e '
		for my $i (1 .. 1600) {
			my $dir = $ARGV[$i > 200];
			open my $f, ">", "$dir/x-$i.log" or die;
			print $f "{\"id\":\"m$i\"}\n";
		}' "$DIR/few" "$DIR/more"
	few=$(peak "$DIR/few")
	num "$(($(peak "$DIR"/more/*) - few))" -lt 2048 \
		"200 files take $few KiB, and 1400 under 2 MiB more"
	is "$(rows)" 7601 'they are loaded'
}
done_testing
