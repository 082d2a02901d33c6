#!/usr/bin/env bash
# At several addresses at once: of IPv4 and IPv6, sockets in the file system with
# the mode and group that they are to have, and those that systemd passes; each
# for events or for operators.
# shellcheck disable=SC2016 # the code in quotes is Perl
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# at ADDRESS METHOD PATH [CURL-OPTION]...: the status, by whatever way
at() {
	local way=()

	case $1 in
	unix:*) way=(--unix-socket "${1#unix:}") URL=http://localhost ;;
	https:*) URL=$1 ;;
	*) URL=http://$1 ;;
	esac
	http "${@:2}" "${way[@]}"
	echo "$CODE"
}

# addresses NAME: where it listens, a line each
addresses() {
	log_since "$1" | sed -n 's/.* listening .*address=\([^ ]*\).*/\1/p'
}

# refuses STATUS ERE NAME ARG...: it exits with the status and says that
refuses() {
	local status=$1 ere=$2 name=$3

	shift 3
	run logrecv --spool="$DIR/other" "$@"
	is "$STATUS" "$status" "$name: status $status"
	like "$ERR" "$ere" '  and says why'
}

spool_new
unset LOGRECV_ADMIN_LISTEN
sock=$DIR/events.sock
ipv6='[::1]'
grep -qs '^0\{31\}1 ' /proc/net/if_inet6 || ipv6=127.0.0.2 # a container
start logrecv logrecv --workers=2 --spool="$SPOOL" --listen=127.0.0.1:0 \
	--listen="$ipv6:0" --listen="unix:$sock,mode=0620,group=nogroup" \
	--admin-listen=127.0.0.1:0 --admin-listen="unix:$DIR/admin.sock"
wait_log logrecv 'operators address=unix:' || give_up 'it does not listen'
mapfile -t where < <(addresses logrecv)
is "${#where[@]}" 5 'it tells each of its addresses'
is "${where[1]%:*}" "$ipv6" 'of IPv6, too'
is "$(stat -c '%a %G %F' "$sock")" '620 nogroup socket' 'a mode and a group'
is "$(stat -c %a "$DIR/admin.sock")" 660 'a mode without being asked'
for address in "${where[@]:0:3}"; do
	is "$(at "$address" POST /log -d '{}') $(at "$address" GET /healthz) $(
		at "$address" GET /metrics)" '200 200 404' "$address takes events"
done
for address in "${where[@]:3}"; do
	is "$(at "$address" POST /log -d '{}') $(at "$address" GET /readyz) $(
		at "$address" GET /metrics)" '404 200 200' "$address is for operators"
done
is "$(stored | wc -l)" 3 'the events are stored'
unlike "$(log_since logrecv)" 'neither encryption' 'all of that is of this host'

# What is in the way.
refuses 75 "--listen ${where[0]}: bind: .*in use" 'an address that is taken' \
	--listen="${where[0]}" --admin-listen=127.0.0.1:0
refuses 75 "--admin-listen ${where[0]}: bind: .*in use" 'operators'\''' \
	--listen=127.0.0.1:0 --admin-listen="${where[0]}"
refuses 75 "--listen unix:$sock: bind: .*in use" 'a socket that is used' \
	--listen="unix:$sock" --admin-listen=127.0.0.1:0
is "$(at "unix:$sock" POST /log -d '{}')" 200 'whose owner goes on'
echo text >"$DIR/text"
refuses 78 "unix:$DIR/text: what is there is no socket" 'a file' \
	--listen="unix:$DIR/text" --admin-listen=127.0.0.1:0
is "$(cat "$DIR/text")" text 'which is left alone'
refuses 78 "unix:$DIR/no/x: .*No such file" 'a directory that is not there' \
	--listen="unix:$DIR/no/x"
for text in 'unix:' "unix:$(printf '%0108d' 0)" 127.0.0.1:0,proxies \
	127.0.0.1:0,mode=0600 "unix:$DIR/x,mode=0888" "unix:$DIR/x,mode=01777" \
	"unix:$DIR/x,mode=" "unix:$DIR/x,group=no-such-group" \
	"unix:$DIR/x,group=" "$(printf '%0600d' 0):0" '' '127.0.0.1:0,' \
	systemd systemd:x; do
	refuses 64 '--admin-listen: ' "the address '${text::40}'" \
		--admin-listen="$text"
done
refuses 64 '--trust-proxy: .10.0.0.0/33' 'a network that is none' \
	--trust-proxy=10.0.0.0/33
refuses 64 '--client-member: ' 'a name that is none' --client-member='a"b'
not_ok 'none of these has made a spool' test -e "$DIR/x"

# Its sockets go with it; what a dead one has left is no hindrance.
stop logrecv
is "$STATUS" 0 'it ends with status 0'
not_ok 'it takes its socket away' test -e "$sock"
not_ok 'and the other one' test -e "$DIR/admin.sock"
for how in left again; do
	NAME=$how logrecv_start --listen="unix:$sock" \
		--admin-listen=127.0.0.1:0
	is "$(at "unix:$sock" POST /log -d '{}')" 200 "$how: it takes events"
	[ "$how" = again ] || kill_hard "$how"
	ok '  its socket is there' test -S "$sock"
done
mv "$sock" "$sock.mine"
echo other >"$sock"
stop again
is "$(cat "$sock")" other 'what is there instead is not its own to remove'

# Operators' own address may be another's, if nobody has asked for it.
start port perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1:8090", Listen => 1)
	    or print STDERR "taken\n";
	print STDERR "ready\n";
	sleep 60'
wait_log port ready
start logrecv logrecv --spool="$SPOOL" --listen=0.0.0.0:0
ok 'it goes on where that is taken' wait_log logrecv \
	'warn .*--admin-listen 127.0.0.1:8090: bind: .*in use'
where=("$(addresses logrecv)")
is "$(at "127.0.0.1:${where[0]##*:}" POST /log -d '{}')" 200 'and takes events'
is "$(log_since logrecv | grep -c 'neither encryption')" 1 \
	'it warns of an address that others can reach'
stop logrecv
stop port

# --- systemd passes sockets from descriptor 3 on, to one process

# passed NAMES TYPE... -- ARG...: starts it with such sockets
passed() {
	start systemd perl -MSocket -MPOSIX -e '
		my ($names, @types) = (shift);
		push @types, shift while $ARGV[0] ne "--";
		my @open;
		for my $type (@types) {
			socket(my $s, AF_INET, $type eq "udp" ? SOCK_DGRAM
			    : SOCK_STREAM, 0) or die;
			bind $s, pack_sockaddr_in(0, INADDR_LOOPBACK) or die;
			listen $s, 5 if $type eq "listen";
			push @open, $s;
		}
		# First out of the way of where they are to be.
		my @high = map { POSIX::fcntl($_, F_DUPFD, 20) } @open;
		POSIX::dup2(0 + $high[$_], 3 + $_) for 0 .. $#high;
		@ENV{qw(LISTEN_PID LISTEN_FDS LISTEN_FDNAMES)} =
		    ($ENV{OTHER} // $$, scalar @types, $names);
		exec "logrecv", "--spool=$ENV{SPOOL}", @ARGV[1 .. $#ARGV]' "$@"
}
export SPOOL
passed web:admin:more listen listen listen -- --workers=2 --listen=systemd
wait_log systemd 'for operators address=' || give_up 'it does not listen'
mapfile -t where < <(addresses systemd)
is "${#where[@]}" 3 'each is one'
is "$(at "${where[0]}" POST /log -d '{}') $(at "${where[1]}" POST /log -d '{}') $(
	at "${where[2]}" GET /metrics)" '200 200 200' 'by its name'
stop systemd
is "$STATUS" 0 'it ends with status 0'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
	-subj /CN=localhost -keyout "$DIR/key" -out "$DIR/cert" 2>"$DIR/openssl"
passed web:admin listen listen -- --workers=2 --listen=systemd,tls \
	--admin-listen=systemd,tls --tls-cert="$DIR/cert" --tls-key="$DIR/key"
wait_log systemd 'for operators address=' || give_up 'it does not listen'
mapfile -t where < <(addresses systemd)
is "$(at "https://${where[0]}" POST /log -k -d '{}') $(
	at "https://${where[1]}" GET /metrics -k)" '200 200' 'each by TLS'
stop systemd
passed web listen -- --listen=systemd --admin-listen=127.0.0.1:0
wait_log systemd 'for operators address=' || give_up 'it does not listen'
is "$(addresses systemd | wc -l)" 2 'operators may have another one'
stop systemd
for case in 'listen admin named.admin|for.events' 'stream web no.stream.socket' \
	'udp web no.stream.socket'; do
	read -r type names ere <<<"$case"
	passed "$names" "$type" -- --listen=systemd
	wait_exit systemd
	is "$STATUS" 64 "$type as $names: status 64"
	like "$(log_since systemd)" "--listen: .*(${ere//./ })" '  and it says why'
done
passed web listen -- --listen=systemd --listen=systemd,proxy
wait_exit systemd
is "$STATUS" 64 'they cannot be taken twice'
like "$(log_since systemd)" "--listen: 'systemd' and 'systemd,proxy'" \
	'  and it says so'
OTHER=1 passed web listen -- --listen=systemd
wait_exit systemd
like "$(log_since systemd)" 'has passed no socket for events' \
	'what was for another process is not taken'
done_testing
