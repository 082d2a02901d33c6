# shellcheck shell=bash
#
# logsend-lib.sh - what the tests of logsend share, beside lib.sh.
#
#	server_start [CODE]  starts tests/integration/logsend-server, which see;
#	                     sets URL. Its files are in $DIR/server.
#	server_restart [CODE]    again on the same port
#	received             prints how many events it has received
#	send [OPTION]...     runs logsend --report json to its end with a short
#	                     --timeout and --drain, see run in lib.sh
#	report KEY           prints a member of the report in $OUT: a top-level
#	                     one, or, as refused.503, one of an inner object
#	report_of TEXT KEY   the same of another text

server_start() {
	mkdir -p "$DIR/server"
	start server "$TOP/tests/integration/logsend-server" "$DIR/server" "$@"
	wait_log server 'listening port=[0-9]+' || give_up 'no server'
	SERVER_PORT=$(log_since server | sed -n 's/.*listening port=//p')
	URL=http://127.0.0.1:$SERVER_PORT/log
}

server_restart() {
	LOGSEND_SERVER_PORT=$SERVER_PORT server_start "$@"
}

received() {
	wc -l <"$DIR/server/bodies"
}

has_received() {
	[ "$(received)" -ge "$1" ]
}

send() {
	run logsend --url "$URL" --report json --timeout 5s --drain 5s "$@"
}

report_of() {
	printf '%s' "$1" | perl -MJSON::PP -e '
		my $value = decode_json(do { local $/; <STDIN> });
		$value = ref $value ? $value->{$_} : undef for split /\./, shift;
		print !defined $value ? "null"
		    : JSON::PP::is_bool($value) ? ($value ? "true" : "false")
		    : $value, "\n"' "$2"
}

report() {
	report_of "$OUT" "$1"
}
