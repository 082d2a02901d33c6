#!/usr/bin/env bash
# Each tool writes SPOOL/metrics/TOOL.prom, and GET /metrics serves them all,
# as Prometheus' text format 0.0.4 wants it.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"

# Says what is wrong with an exposition: names, values, a family's samples that
# do not stand together, help or type twice, buckets that do not add up.
check_text() {
	perl -ne '
		BEGIN { $name = "[a-zA-Z_:][a-zA-Z0-9_:]*";
			$label = "[a-zA-Z_]\\w*=\"(?:[^\"\\\\\\n]|\\\\[\\\\\"n])*\"" }
		chomp;
		if (/^# (HELP|TYPE) ($name) (.+)$/) {
			print "$1 of $2 twice\n" if $said{"$1 $2"}++;
			print "$2 after its samples\n" if $seen{$2};
			$type{$2} = $3 if $1 eq "TYPE";
			$family = $2;
		} elsif (/^($name)(?:\{($label(?:,$label)*)\})? (\S+)$/) {
			my ($n, $labels, $value) = ($1, $2 // "", $3);
			my $f = $n;
			$f =~ s/_(bucket|sum|count)$// if !$type{$f};
			print "no type for $n\n" if !$type{$f};
			print "$n stands apart from its family\n" if $f ne $family;
			print "no number: $_\n"
			    if $value !~ /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;
			print "twice: $n {$labels}\n" if $sample{"$n {$labels}"}++;
			print "no counter: $_\n"
			    if $type{$f} eq "counter" && ($value < 0 ||
				$n !~ /_total$/);
			$seen{$f} = 1;
			if ($n =~ /_bucket$/) {
				(my $key = "$f $labels") =~ s/,?le="([^"]*)"//;
				print "falls: $_\n" if $value < ($last{$key} // 0);
				$last{$key} = $value;
			} elsif ($n =~ /_count$/ && $type{$f} eq "histogram") {
				print "count is not the last bucket: $_\n"
				    if $value != $last{"$f $labels"};
			}
			$lines++;
		} else {
			print "no line of the format: $_\n";
		}
		END { print "no samples\n" if !$lines }' "$@"
}

# A checker that finds nothing must be able to find something.
printf '# TYPE a counter\na 1\nb 2\na{x="y} 3\n' >"$DIR/wrong"
num "$(check_text "$DIR/wrong" | wc -l)" -ge 3 'the checker finds mistakes'

spool_new
db_start
logrecv_start --workers 2
logbatch_start --max-age 1s
logload_start
for _ in 1 2 3; do
	send_event '{"event":"x"}' || give_up "not taken: $CODE $BODY"
done
post 'no JSON'
is "$CODE" 400 'one is refused'
ok 'the three are rows' wait_rows 3

has() {
	[ "$(metric "$1" "$2")" = "$3" ]
}
for tool in logrecv logbatch logload; do
	ok "$tool.prom is there" wait_for test -s "$SPOOL/metrics/$tool.prom"
	is "$(check_text "$SPOOL/metrics/$tool.prom")" '' "$tool.prom is right"
	ok "each family is named after $tool" \
		test -z "$(grep -v "^# [A-Z]* ${tool}_\|^${tool}_" \
			"$SPOOL/metrics/$tool.prom")"
done
ok 'logrecv counts 3 events' wait_for has logrecv logrecv_events_total 3
lag=$(metric logload logload_lag_seconds)
num "${lag%.*}" -lt $((600 * WAIT_SCALE)) 'logload tells how old the newest row is'
URL=$ADMIN_URL http GET /metrics
is "$CODE" 200 'GET /metrics'
like "$(tr -d '\r' <"$HEADERS")" \
	'[Cc]ontent-[Tt]ype: text/plain; version=0\.0\.4' 'its type'
is "$(check_text "$DIR/.body")" '' 'is right'
for tool in logrecv logbatch logload; do
	like "$BODY" "(^|"$'\n'")${tool}_" "has those of $tool"
	like "$BODY" $'\n'"${tool}_process_resident_memory_bytes [0-9]{6}" \
		'  its memory'
	like "$BODY" $'\n'"${tool}_build_info\{version=\"[0-9.]+\"\} 1" \
		'  its version'
	like "$BODY" $'\n'"logs_tool_seen_timestamp_seconds\{tool=\"$tool\"\} [0-9]{10}" \
		'  when it was seen'
done
# One truth has one name.
is "$(grep -cE '^[a-z]+_(buffer|ready)_(bytes|files) ' <<<"$BODY")" 4 \
	'how much lies in buffer/ and ready/ is told by one tool'
done_testing
