#!/usr/bin/env bash
# Who operates the pipeline finds a page where the metrics are, and no client
# does where events come in. It has all from there: no script runs in it but its
# own, whatever stands in an event. What it shows of the past outlives logrecv.
# shellcheck disable=SC2016 # the code in quotes is Perl
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# asks PATH [METHOD]: of operators
asks() {
	URL=$ADMIN_URL http "${2:-GET}" "$1" ${2:+--head}
}

field() {
	sed -n "s/^$1: *//Ip" "$HEADERS" | tr -d '\r'
}

# status PERL: prints an expression of what /status.json has, in $s
status() {
	asks /status.json
	perl -MJSON::PP -e 'my $s = decode_json($ARGV[0]);
		print eval $ARGV[1], "\n"' "$BODY" "$1"
}

status_is() {
	[ "$(status "$1")" = "$2" ]
}

# past NAME: prints the greatest value that /history.json has of the hour
past() {
	asks /history.json
	perl -MJSON::PP -e 'my $h = decode_json($ARGV[0])->{hour};
		print +(sort { $b <=> $a } @{$h->{values}{$ARGV[1]}})[0], "\n"' \
		"$BODY" "$1"
}

spool_new
logrecv_start --workers=1
asks /
is "$CODE" 200 'the page is there'
is "$(field Content-Type)" 'text/html; charset=utf-8' 'as HTML'
mapfile -t names < <(grep -oE '/page/[a-z.]+' "$DIR/.body" | sort -u)
for name in "${names[@]}"; do
	asks "$name"
	is "$CODE $(field X-Content-Type-Options)" '200 nosniff' \
		"what it asks for is there: $name"
	type=$(field Content-Type)
	case $name in
	*.js) like "$type" '^text/javascript' 'as a script' ;;
	*.css) like "$type" '^text/css' 'as a style' ;;
	*.svg) is "$type" 'image/svg+xml' 'as a picture' ;;
	esac
done
cmp -s "$TOP/cmd/logrecv/page/icon.svg" "$DIR/.body" ||
	asks /page/icon.svg
ok 'as it is in the sources' cmp "$TOP/cmd/logrecv/page/icon.svg" "$DIR/.body"
for path in / /page/page.js /status.json /history.json; do
	asks "$path"
	whole=$(wc -c <"$DIR/.body")
	like "$(field Content-Security-Policy)" \
		"^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; .*frame-ancestors 'none'$" \
		"$path: nothing but its own"
	is "$(field Referrer-Policy) $(field Cache-Control)" \
		'no-referrer no-store' 'it tells nobody, and leaves no copy'
	asks "$path" HEAD
	is "$CODE" 200 'HEAD'
	[[ $path == *.json ]] || is "$(field Content-Length)" "$whole" 'as long'
done
asks /page/nothing.js
is "$CODE" 404 'another file'
URL=$ADMIN_URL http GET /page/../status.json --path-as-is
is "$CODE" 404 'nor a way out of it'
asks / POST
is "$CODE $(field Allow)" '405 GET, HEAD' 'it is only read'
for path in /page/page.js /status.json /history.json; do
	http GET "$path"
	is "$CODE" 404 "where events come in there is no $path"
done
http GET /
like "$BODY" 'You Know, for Search' 'and / is for clients of Elasticsearch'

is "$(status 'join " ", map { $_->{name} . $_->{runs} } @{$s->{tools}}')" \
	logrecv1 'it knows who runs'
logbatch_start
ok 'who begins to' wait_for status_is \
	'join " ", map { "$_->{name}$_->{runs}" } sort { $a->{name} cmp $b->{name} } @{$s->{tools}}' \
	'logbatch1 logrecv1'
kill_hard logbatch
ok 'and who was killed' wait_for status_is \
	'join " ", map { "$_->{name}$_->{runs}" } sort { $a->{name} cmp $b->{name} } @{$s->{tools}}' \
	'logbatch0 logrecv1'
is "$(status 'scalar @{$s->{rejected}}')" 0 'nothing is rejected'
printf '%s\n' '{"file":"f","line":1,"code":7,"text":"</script>","event":{"a":1}}' \
	>"$SPOOL/rejected/20260101T000000.000000Z-h-1-1.ndjson"
ok 'what is, it tells' wait_for status_is \
	'join " ", map { "$_->{text}$_->{code}$_->{event}{a}" } @{$s->{rejected}}' \
	'</script>71'

ln -s /etc/passwd "$SPOOL/metrics/logbatch.log"
post '[{"a":1},{"a":2}]'
stop logrecv
is "$STATUS" 0 'it ends'
size=$(stat -c %s "$SPOOL/metrics/history")
logrecv_start --workers=1 --spool-limit=1
is "$(past logrecv_events_total)" 2 'what was before it is still known'
is "$(stat -c %s "$SPOOL/metrics/history")" "$size" 'in a file that does not grow'
ok 'why events are refused' wait_for status_is '$s->{refusing}' \
	'the spool is over --spool-limit (1 bytes)'
ok 'which the log has, too' wait_for status_is \
	'join " ", grep { /^\S+ warn logrecv: refusing events: / } @{$s->{warnings}}' \
	"$(log_since logrecv | grep refusing)"
rm "$SPOOL/metrics/logbatch.log"
run logload --check --spool "$SPOOL"
unlike "$OUT" 'metrics/(history|logrecv.log)' 'the files belong there'
done_testing
