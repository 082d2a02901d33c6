# shellcheck shell=bash
#
# logrecv-lib.sh - what tests of logrecv share, besides ../lib.sh.
#
#	stored           prints the lines of all files in ready/ and buffer/
#	texts            the same as their clients sent them: the suffix cut off
#	nothing_stored   is there no line?
#	scrape SAMPLE    prints the value of a sample, by GET /metrics
#	sample_is SAMPLE WANT    is it that, now?
#	request BODY [FIELD]...  prints a POST /log with a Content-Length
#	get PATH [FIELD]...      prints a GET without a body
#	raw FORMAT       sends the bytes of a printf format (\0 and \xff work),
#	                 with the options in RAW; sets CODES, the statuses of all
#	                 answers, ANSWERS, and STATUS, that of http-raw
#	faults_start [OPTION]... logrecv_start with logrecv-faults.c loaded: sets
#	                 FAULTS, the directory that tells its disk how to behave;
#	                 skips the test where there is no compiler

# shellcheck disable=SC2034

# Without another writer, the files of one worker are in order.
stored() {
	spool_lines ready buffer
}

texts() {
	stored | sed -E 's/,?"@received_at":"[0-9TZ:.-]{27}"}$/}/'
}

nothing_stored() {
	[ "$(stored | wc -c)" -eq 0 ]
}

scrape() {
	curl -q -sS --max-time 10 "$ADMIN_URL/metrics" | awk -v "sample=$1" '
		index($0, sample " ") == 1 {
			print substr($0, length(sample) + 2)
		}'
}

sample_is() {
	[ "$(scrape "$1")" = "$2" ]
}

request() {
	local body=$1

	shift
	printf 'POST /log HTTP/1.1\r\nHost: a\r\n'
	[ "$#" -eq 0 ] || printf '%s\r\n' "$@"
	printf 'Content-Length: %d\r\n\r\n%s' "${#body}" "$body"
}

get() {
	local path=$1

	shift
	printf 'GET %s HTTP/1.1\r\nHost: a\r\n' "$path"
	[ "$#" -eq 0 ] || printf '%s\r\n' "$@"
	printf '\r\n'
}

RAW=()

# The format is the point.
# shellcheck disable=SC2059
raw() {
	printf "$1" >"$DIR/.raw"
	http_raw "${RAW[@]}" "$PORT" <"$DIR/.raw" >"$DIR/.raw.out" \
		2>"$DIR/.raw.err"
	STATUS=$?
	ANSWERS=$(tr -d '\0\r' <"$DIR/.raw.out")
	CODES=$(grep -aoE 'HTTP/1\.[01] [0-9]{3} ' "$DIR/.raw.out" |
		cut -d ' ' -f 2 | paste -s -d ' ' -)
}

faults_start() {
	faults logrecv_start "$@"
}
