#!/usr/bin/env bash
#
# A server that never ends its answer costs a request, not the memory.
# shellcheck disable=SC2016 # the code in quotes is not for this shell
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logsend-lib.sh"

server_start '
	my $status = "HTTP/1.1 202 OK\r\n";
	my @answers = (
	    $status . "X: " . "y" x 20000,
	    $status . "X: y\r\n" x 4000,
	    $status . "Content-Length: 999999999999\r\n\r\n",
	    $status . "Content-Length: 99999999999999999999999\r\n\r\n",
	    $status . "\r\n" . "z" x 200000,
	    $status . "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
	    $status . "Transfer-Encoding: chunked\r\n\r\n" .
		"4\r\nzzzz\r\n" x 20000,
	    $status . "Transfer-Encoding: chunked\r\n\r\n0\r\n" .
		"X: y\r\n" x 30000,
	    "HTTP/1.1 100 Continue\r\n\r\n" x 10000,
	    $status . "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
	    $status . "X: y\r\n folded\r\n\r\n",
	    "HTTP/2 202 OK\r\n\r\n",
	);
	return $answers[$n - 1];'
send --count 12 --rate 100 --connections 12
is "$STATUS" 75 'the run fails'
is "$(report failed.malformed)" 12 'each of the answers is found out'
is "$(report requests_acknowledged)" 0 'none is taken for an acknowledgement'
done_testing
