#!/usr/bin/env bash
# A host or port that is none is refused: in --listen, where it would listen
# somewhere else; in Host and an absolute target, as RFC 9112 (3.2) demands.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

spool_new
for address in 127.0.0.1:99999 127.0.0.1:65536 127.0.0.1: 127.0.0.1:+80 \
	'127.0.0.1: 80' '127.0.0.1:8080 '; do
	start listener logrecv --spool="$SPOOL" --listen="$address"
	if wait_exit listener 2; then
		is "$STATUS" 64 "--listen='$address' is wrong usage"
	else
		fail "--listen='$address' is taken: $(log_since listener | head -n 1)"
		stop listener
	fi
done

logrecv_start --workers=1
RAW=(-t 3)
for host in a:b:c a:x a: '[' '[::1' '[::1]x' ']' 'a[b]' '[]'; do
	case $host in
	a:) want='200 1' ;; # RFC 3986 allows an empty port
	*) want='400 0' ;;
	esac
	raw "POST /log HTTP/1.1\\r\\nHost: $host\\r\\nConnection: close\\r\\nContent-Length: 2\\r\\n\\r\\n{}"
	is "$CODES $(stored | wc -l)" "$want" "Host: $host"
	rm -f "$SPOOL"/buffer/*
done
for target in http://user@a/log http://user:pw@a/log http://a:x/log http://:80/log \
	'http://[/log' https://a:b:c/log; do
	raw "POST $target HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\nContent-Length: 2\\r\\n\\r\\n{}"
	is "$CODES $(stored | wc -l)" '400 0' "POST $target"
	rm -f "$SPOOL"/buffer/*
done

# What stands before a body that there is not.
raw 'GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n'
like "$CODES" '^(100 )?200$' 'a GET that expects 100 and has no body'

stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
