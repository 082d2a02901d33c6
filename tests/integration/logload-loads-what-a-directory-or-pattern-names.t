#!/usr/bin/env bash
# A directory stands for the logs in it, and a pattern for what it matches where
# no shell has expanded it: an archive has more files than a command line holds.
# What was done is told to people in a line, and to programs as one JSON object.
# No database is asked.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

look() {
	run logload --dry-run "$@"
}
# The files that would be loaded, in their order.
taken() {
	printf '%s\n' "$ERR" | sed -n 's/.*would be loaded: file=\([^ ]*\) .*/\1/p' |
		sed "s|^$DIR/d/||" | xargs
}
# member PATH: a value of the JSON object in $OUT, as files.0.path
member() {
	printf '%s\n' "$OUT" | perl -MJSON::PP -e '
		local $/;
		my $v = decode_json(<STDIN>);
		$v = ref $v eq "ARRAY" ? $v->[$_] : $v->{$_}
			for split /[.]/, $ARGV[0];
		print ref $v ? scalar @$v : $v // "-", "\n"' "$1"
}

mkdir -p "$DIR/d/sub.log" "$DIR/none"
cd "$DIR/d" || exit 1
for name in b.ndjson a.json c.jsonl app.log app.log.1 app.log-20261122 \
	.hidden.log notes.txt a.json5 x@1.rejected.ndjson '[z].log'; do
	events 1 >"$name"
done
events 1 | gzip >app.log.2.gz
events 1 | zstd -q >b.log.zst
ln -s b.ndjson link.log
cd / || exit 1

look "$DIR/d"
is "$STATUS" 0 'a directory'
is "$(taken)" '[z].log a.json app.log app.log-20261122 app.log.1 app.log.2.gz b.log.zst b.ndjson c.jsonl link.log' \
	'its logs, by name'
like "$ERR" 'left out.*dir=[^ ]*/d files=3' 'how many others it says'
like "$ERR" 'left out.*dir=[^ ]*/d directories=1' 'and how many directories'
look "$DIR/d/app.log*" "$DIR/d/[z].log"
is "$(taken)" 'app.log app.log-20261122 app.log.1 app.log.2.gz [z].log' \
	'a pattern, and a name that only looks like one'
look "$DIR/d/*.nope" "$DIR/d/app.log"
is "$STATUS" 74 'a pattern that matches nothing: 74'
like "$ERR" 'd/\*\.nope: there is no such file' 'it is named'
is "$(taken)" app.log 'the others are loaded'
look "$DIR/none" "$DIR/d/app.log"
is "$STATUS" 74 'a directory without logs: 74'
like "$ERR" 'none: .*no file in it ends as a log does' 'it is named too'
is "$(taken)" app.log 'the others are loaded'
look - -
is "$STATUS" 74 'standard input is there once'

printf 'no\n{"a":1}\n' >"$DIR/bad \"q\""
look --report json "$DIR/d" "$DIR/absent" "$DIR/bad \"q\""
is "$STATUS" 74 'as JSON: the status is the same'
is "$(member files)" 12 'every file is in it'
is "$(member files.1.path) $(member files.1.verdict) $(member files.1.events)" \
	"$DIR/d/a.json loaded 1" 'what became of one'
is "$(member files.10.path) $(member files.10.verdict)" "$DIR/absent failed" \
	'and of one that is not there'
like "$(member files.10.error)" 'No such file' 'why'
is "$(member files.11.path) $(member files.11.rejected)" "$DIR/bad \"q\" 1" \
	'names are quoted'
like "$ERR" 'would be rejected: .*line=1' 'lines that are no events are in the log'
is "$(member totals.events) $(member totals.rejected) $(member totals.files) $(member totals.loaded)" \
	'11 1 12 11' 'totals'
is "$(member status) $(member reason)" '74 failed' 'and why it ended'
look --report json "$DIR/none"
is "$(member files.0.verdict) $(member status)" 'failed 74' \
	'or that a directory has none'
for arguments in '- -' "--retry-rejected --spool $DIR/none"; do
	# shellcheck disable=SC2086 # they are words
	look --report json $arguments
	is "$(member files) $(member status) $(member reason)" '0 74 failed' \
		"or that nothing could be begun: $arguments"
done
look --report json "$DIR/d/app.log"
is "$(member status) $(member reason)" '0 done' 'or that all is well'
done_testing
