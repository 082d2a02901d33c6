#!/usr/bin/env bash
# A client that waits for "100 Continue" gets it before it sends its body, and
# an answer in its place where the body would be refused.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

P='POST /log HTTP/1.1\r\nHost: a\r\n'

# A client that sends the body only when it is told to. Prints the statuses.
wait_client() {
	perl -MIO::Socket::INET -MIO::Select -e '
		my ($port, $head, $body) = @ARGV;
		s/\\r/\r/g, s/\\n/\n/g for $head, $body;
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;
		my ($got, $sent) = ("", 0);
		syswrite($s, $head);
		while (IO::Select->new($s)->can_read(10)) {
			sysread($s, $got, 65536, length $got) or last;
			if (!$sent && $got =~ /HTTP\/1\.1 100 [^\r]*\r\n\r\n\z/) {
				syswrite($s, $body);
				$sent = 1;
			}
			last if $got =~ /HTTP\/1\.1 [2-5]\d\d .*?\r\n\r\n\{.*\}$/s;
		}
		print join(" ", $got =~ /^HTTP\/1\.1 (\d+)/mg)' "$@"
}

spool_new
logrecv_start --workers=1 --max-body=1000
is "$(wait_client "$PORT" "${P}Expect: 100-continue\\r\\nContent-Length: 7\\r\\n\\r\\n" \
	'{"a":1}')" '100 200' 'a body of known length'
is "$(wait_client "$PORT" "${P}Expect: 100-Continue\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n" \
	'7\r\n{"a":2}\r\n0\r\n\r\n')" '100 200' 'a chunked one'
is "$(texts)" $'{"a":1}\n{"a":2}' 'both are stored'
post '{"a":3}' -H 'Expect: 100-continue' --expect100-timeout 10
is "$CODE" 200 'curl waits for it too'

RAW=(-n 1)
raw "${P}Expect: 100-continue\\r\\nContent-Length: 7\\r\\n\\r\\n{\"a\":4}"
like "$CODES" '^(100 )?200$' 'a client need not wait for it'
raw 'POST /log HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\n{"a":5}'
is "$CODES" 200 'HTTP/1.0 does not know it'
before=$(lines buffer)

for case in \
	'413 a body over its limit|POST /log|Content-Length: 1001' \
	'415 an unknown coding|POST /log|Content-Encoding: x\r\nContent-Length: 2' \
	'404 another path|POST /x|Content-Length: 2' \
	'405 another method|DELETE /log|Content-Length: 2' \
	'405 a chunked body by another method|DELETE /log|Transfer-Encoding: chunked' \
	'400 an ambiguous length|POST /log|Content-Length: 2\r\nContent-Length: 2'; do
	IFS='|' read -r name start fields <<<"$case"
	is "$(wait_client "$PORT" "$start HTTP/1.1\\r\\nHost: a\\r\\nExpect: 100-continue\\r\\n$fields\\r\\n\\r\\n" '{}')" \
		"${name%% *}" "${name#* } is refused without it"
done
is "$(lines buffer)" "$before" 'nothing of that is stored'

# Pipelined behind a request that waits for its sync: in order all the same.
is "$(wait_client "$PORT" "${P}Content-Length: 7\\r\\n\\r\\n{\"a\":6}${P}Expect: 100-continue\\r\\nContent-Length: 7\\r\\n\\r\\n" \
	'{"a":7}' | cut -d ' ' -f 1)" 200 'an answer comes before the 100 of the next'
done_testing
