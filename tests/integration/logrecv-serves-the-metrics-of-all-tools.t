#!/usr/bin/env bash
# GET /metrics is Prometheus text, each family once with its HELP and TYPE,
# whatever files of whatever tools lie in SPOOL/metrics/. It is made once a
# second, whoever asks.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# check_text FILE: says what is wrong by the text format 0.0.4
check_text() {
	perl -ne '
		sub wrong { print "line $.: $_[0]: $_\n"; }
		chomp;
		my $label = qr/[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\[\\"n])*"/;
		if (/^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/) {
			my ($what, $name, $text) = ($1, $2, $3);
			wrong("a second $what") if $seen{"$what $name"}++;
			wrong("a family in two places") if $family{$name};
			$now = $name;
			next if $what eq "HELP";
			wrong("TYPE without HELP before it") if !$seen{"HELP $name"};
			wrong("an unknown type")
			    if $text !~ /^(counter|gauge|histogram)$/;
			$type{$name} = $text;
		} elsif (/^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{$label(?:,$label)*\})? ([-+]?(?:[0-9.]+(?:e[-+]?[0-9]+)?|Inf|NaN))$/) {
			my ($name, $labels, $value) = ($1, $2 // "", $3);
			my $base = $name;
			$base =~ s/_(bucket|sum|count)$//
			    if ($type{$now} // "") eq "histogram";
			wrong("not of the family $now") if $base ne $now;
			wrong("a sample twice") if $sample{"$name$labels"}++;
			wrong("a negative counter")
			    if $type{$base} eq "counter" && $value =~ /^-/;
			wrong("a counter without _total")
			    if $type{$base} eq "counter" && $name !~ /_total$/;
			$family{$base}++;
		} else {
			wrong("not of the format");
		}
		END { print "no sample\n" if !%family }' "$1"
}

# scraped: the text, in $DIR/text
scraped() {
	URL=$ADMIN_URL http GET /metrics
	cp "$DIR/.body" "$DIR/text"
	[ "$CODE" = 200 ]
}

# shows ERE: does the text have such a line?
shows() {
	scraped && grep -qE "$1" "$DIR/text"
}

spool_new
logrecv_start --workers=1
ok 'the metrics are there' scraped
is "$(sed -n 's/^Content-Type: *//Ip' "$HEADERS" | tr -d '\r')" \
	'text/plain; version=0.0.4' 'they are Prometheus text'
is "$(check_text "$DIR/text")" '' 'and valid'

post '[{"a":1},{"a":2}]'
# Its head is there when the server asks for the rest.
perl -MIO::Socket::INET -MTime::HiRes=sleep -e '
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ARGV[0]") or die;
	syswrite($s, "POST /log HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n" .
	    "Expect: 100-continue\r\n\r\n");
	sysread($s, my $answer, 65536);
	sleep 0.3;
	syswrite($s, "{\"a\":3}");
	sysread($s, $answer, 65536)' "$PORT"
post 'x'
scraped
is "$(check_text "$DIR/text")" '' 'after some requests, too'
for sample in logrecv_events_total=3 logrecv_acknowledged_requests_total=2 \
	'logrecv_refused_total{reason="json"}=1' logrecv_body_bytes_total=25 \
	logrecv_sync_seconds_count=2 logrecv_ready=1 logrecv_buffer_files=1 \
	logrecv_request_seconds_count=2 logrecv_event_bytes_sum=21 \
	'logrecv_event_bytes_bucket{le="64"}=3' logrecv_event_bytes_count=3; do
	sample_is_now() {
		sample_is "${sample%=*}" "${sample##*=}"
	}
	ok "$sample" wait_for sample_is_now
done
scraped
num "$(scrape logrecv_request_seconds_sum | awk '{ print int($1 * 1000) }')" \
	-ge 300 'a request takes from its first byte on'
is "$(scrape logrecv_line_bytes_total)" "$(stored | wc -c)" 'the bytes written'
at=$(scrape logrecv_last_success_timestamp_seconds)
off=$(($(date +%s) - ${at%.*}))
num "${off#-}" -le 60 'the last success was now'
is "$(awk '/^logrecv_sync_seconds_bucket/ { if ($2 < last) bad = 1; last = $2 }
	END { print bad + 0, last }' "$DIR/text")" '0 2' 'buckets add up'

logbatch_start
ok 'another tool writes its own' wait_for test -s "$SPOOL/metrics/logbatch.prom"
ok 'they are served as well' wait_for shows '^logbatch_files_rotated_total'
is "$(check_text "$DIR/text")" '' 'valid together'

# A second process of the same tool shares its families.
NAME=second logrecv_start --workers=1
post '{"second":1}'
ok 'a second logrecv writes its own' wait_for grep -q 'process="2"' \
	"$SPOOL/metrics/logrecv-2.prom"
ok 'both are there' wait_for shows '^logrecv_events_total[{]process="2"[}] 1$'
is "$(check_text "$DIR/text")" '' 'all of them are valid together'
is "$(grep -c '^logrecv_events_total' "$DIR/text")" 2 'once each'
is "$(grep -c '^logrecv_ready_bytes' "$DIR/text")" 1 'what is of the spool, once'
is "$(curl -qs "$ADMIN_URL/metrics" |
	grep -c '^logrecv_ready_bytes ')" 1 'in the text of the second one, too'

# What is no metrics file is left out.
printf 'half a line' >"$SPOOL/metrics/torn.prom"
: >"$SPOOL/metrics/empty.prom"
printf 'junk 1\n' >"$SPOOL/metrics/junk.txt"
printf 'hidden 1\n' >"$SPOOL/metrics/.hidden.prom"
mkdir "$SPOOL/metrics/directory.prom"
mkfifo "$SPOOL/metrics/pipe.prom"
ln -s /etc/hostname "$SPOOL/metrics/link.prom"
printf '# HELP big_total x\n# TYPE big_total counter\nbig_total 1\n' \
	>"$SPOOL/metrics/big.prom"
head -c 2000000 /dev/zero | tr '\0' '\n' >>"$SPOOL/metrics/big.prom"
post '{"second":2}'
ok 'odd things in the directory do no harm' \
	wait_for shows '^logrecv_events_total[{]process="2"[}] 2$'
is "$(check_text "$DIR/text")" '' 'and are left out'
stop second
is "$STATUS" 0 'it ends with status 0'
stop logrecv
is "$(check_text "$SPOOL/metrics/logrecv.prom")" '' 'the file is valid'
is "$(metric logrecv logrecv_events_total)" 3 'and up to date at the end'
done_testing
