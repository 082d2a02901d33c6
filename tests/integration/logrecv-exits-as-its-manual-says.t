#!/usr/bin/env bash
# Exit statuses of sysexits.h, and a message that says what is wrong; each
# option as a variable, too.
. "$(dirname "$0")/../lib.sh"

# refuses STATUS ERE NAME ARG...: it exits with the status and says that
refuses() {
	local status=$1 ere=$2 name=$3

	shift 3
	run logrecv "$@"
	is "$STATUS" "$status" "$name: status $status"
	like "$ERR" "$ere" '  and says why'
	is "$OUT" '' '  on stderr alone'
}

spool_new
S=--spool=$SPOOL
L=--listen=127.0.0.1:0
refuses 64 'logrecv: --spool is missing' 'no spool' "$L"
refuses 64 'no-such' 'an unknown option' "$S" "$L" --no-such
refuses 64 'logrecv: ' 'an argument that is no option' "$S" "$L" file
refuses 64 '--max-body' 'a size that is none' "$S" "$L" --max-body=much
refuses 64 '--max-body' 'a size under its least' "$S" "$L" --max-body=0
refuses 64 '--max-depth' 'a number over its most' "$S" "$L" --max-depth=100000
refuses 64 '--workers' 'more workers than there may be' "$S" "$L" --workers=65
refuses 64 '--idle-timeout' 'a time that is none' "$S" "$L" --idle-timeout=soon
refuses 64 '--ack' 'a word that is no choice' "$S" "$L" --ack=never
for address in 127.0.0.1 127.0.0.1:x 127.0.0.1:-1 nowhere.invalid:80; do
	refuses 64 '--listen' "the address '$address'" "$S" "--listen=$address"
done
not_ok 'none of them made a spool' test -e "$SPOOL"

refuses 74 "$DIR/no/spool" 'a spool that cannot be made' \
	--spool="$DIR/no/spool" "$L"
: >"$DIR/file"
refuses 74 "$DIR/file" 'a spool that is a file' --spool="$DIR/file" "$L"
mkdir -p "$DIR/odd"
: >"$DIR/odd/buffer"
refuses 74 'odd/buffer' 'a buffer/ that is a file' --spool="$DIR/odd" "$L"
refuses 74 'spool' 'one on a file system that is read-only' --spool=/proc/spool "$L"

refuses 78 '192.0.2.1:0.*Cannot assign' 'an address of another host' \
	"$S" --listen=192.0.2.1:0

logrecv_start
refuses 75 "127.0.0.1:$PORT.*in use" 'an address in use' \
	--spool="$DIR/other" --listen="127.0.0.1:$PORT"
refuses 75 'in use' 'by all addresses as well' \
	--spool="$DIR/other" --listen="0.0.0.0:$PORT"
ok 'the one that has it goes on' send_event '{}'
stop logrecv
is "$STATUS" 0 'a signal: status 0'

run logrecv --help
is "$STATUS $ERR" '0 ' '--help: status 0'
like "$OUT" '^Usage: logrecv ' 'is on stdout'
run logrecv --version
is "$STATUS $ERR" '0 ' '--version: status 0'
like "$OUT" '^logrecv [0-9]+\.[0-9]+' 'is on stdout'

export LOGRECV_SPOOL=$SPOOL LOGRECV_LISTEN=192.0.2.1:0 LOGRECV_MAX_BODY=10 \
	LOGRECV_WORKERS='' LOGRECV_ACK=written
NAME=vars logrecv_start --max-body=20
ok 'options come from variables, and an option wins' send_event '{"a":12345678}'
post '{"a":123456789012345}'
is "$CODE" 413 'that one'
ok 'its log says how it acknowledges' wait_log vars 'listening .*ack=written'
stop vars
unset LOGRECV_SPOOL LOGRECV_LISTEN LOGRECV_MAX_BODY LOGRECV_WORKERS LOGRECV_ACK
done_testing
