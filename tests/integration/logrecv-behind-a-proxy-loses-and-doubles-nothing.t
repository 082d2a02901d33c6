#!/usr/bin/env bash
# Two behind HAProxy, and behind nginx, with the configurations that the manual
# shows: while one of them is full nobody notices; one is killed with requests
# that it has written and not acknowledged, which must not go to the other as well.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

for program in haproxy nginx; do
	command -v "$program" >/dev/null || skip_all "there is no $program"
done

# Sockets instead of ports: nobody else can have them while one is away.
# one, two [COMMAND...]: starts it, as faults does; each has a spool of its own
one() {
	SPOOL=$DIR/one NAME=one logrecv_start --workers=1 --min-free=0 \
		--listen="unix:$DIR/one.sock,mode=0666" --trust-proxy=unix \
		--spool-limit=30MB
	ADMIN_ONE=$ADMIN_URL
}
two() {
	SPOOL=$DIR/two NAME=two "$@" logrecv_start --workers=1 --min-free=0 \
		--listen="unix:$DIR/two.sock,mode=0666" --trust-proxy=unix
	ADMIN_TWO=$ADMIN_URL
}

# ids one|two: of what it has stored
ids() {
	grep -aho '"id":"[^"]*"' "$DIR/$1"/{buffer,ready}/*.ndjson 2>/dev/null
}

# mark one|two: this is what it has now
mark() {
	marks[$1]=$(ids "$1" | wc -l)
}

# since one|two: what it has got since
since() {
	ids "$1" | tail -n "+$((marks[$1] + 1))"
}

# gains one|two: has it got events of both proxies since?
gains() {
	[ "$(since "$1" | grep -oE 'haproxy|nginx' | sort -u | wc -l)" -eq 2 ]
}

# takes PROXY: each of six requests, one after another
takes() {
	for _ in {1..6}; do
		sent=$((sent + 1))
		URL=http://127.0.0.1:${ports[$1]} send_event "{\"id\":\"curl-$sent\"}" || {
			echo "$CODE $BODY"
			return 1
		}
		echo "curl-$sent" >>"$DIR/curl.acked"
	done
}

# refuses: has one, being full?
refuses() {
	[ "$(ADMIN_URL=$ADMIN_ONE scrape 'logrecv_refused_total{reason="spool"}')" -gt 0 ]
}

# hangs: has two, with what it has written and cannot sync?
hangs() {
	[ "$(ADMIN_URL=$ADMIN_TWO scrape logrecv_commit_age_seconds |
		cut -d . -f 1)" -ge 1 ]
}

# rests: has one got nothing since the last look, since all wait for the other?
rests() {
	local new

	new=$(since one)
	mark one
	[ -z "$new" ]
}

# answers PROXY
answers() {
	curl -q -s -f -o "$DIR/null" --max-time 5 "http://127.0.0.1:${ports[$1]}/healthz"
}

sent=0
declare -A marks=([one]=0 [two]=0)
chmod 755 "$DIR"
one
two faults
declare -A ports=([haproxy]=$(tests_free_port) [nginx]=$(tests_free_port))
shippers=$TOP/cmd/logrecv/shippers
sed "s|127.0.0.1:8080|127.0.0.1:${ports[haproxy]}|
	s|127.0.0.1:8081|unix@$DIR/one.sock|; s|127.0.0.1:8082|unix@$DIR/two.sock|" \
	"$shippers/haproxy.cfg" >"$DIR/haproxy.cfg"
cat >"$DIR/nginx.cfg" <<END
daemon off;
pid $DIR/nginx.pid;
error_log stderr;
events { }
http {
	access_log off;
	client_body_temp_path $DIR/body;
	proxy_temp_path $DIR/temp;
	fastcgi_temp_path $DIR/fastcgi;
	uwsgi_temp_path $DIR/uwsgi;
	scgi_temp_path $DIR/scgi;
$(sed "s|127.0.0.1:8080|127.0.0.1:${ports[nginx]}|
	s|127.0.0.1:8081|unix:$DIR/one.sock|; s|127.0.0.1:8082|unix:$DIR/two.sock|" \
		"$shippers/nginx.conf")
}
END
start haproxy haproxy -db -f "$DIR/haproxy.cfg"
start nginx nginx -c "$DIR/nginx.cfg"
for proxy in haproxy nginx; do
	wait_for answers "$proxy" || give_up "$proxy does not answer"
	start "load-$proxy" logsend --url "http://127.0.0.1:${ports[$proxy]}/log" \
		--run "$proxy" --rate 50 --duration 300s --connections 4 \
		--quiet --report json --acked "$DIR/$proxy.acked"
done
ok 'both of them get requests' wait_for gains one
ok 'from both proxies' wait_for gains two

full=$DIR/one/ready/20200101T000000.000000Z-x-1-1.ndjson
truncate -s 31M "$full"
ok 'one is full, and refuses what it is sent' wait_for refuses
for proxy in haproxy nginx; do
	ok "nobody behind $proxy notices" takes "$proxy"
done
rm "$full"
mark one
ok 'with room again it gets requests again' wait_for gains one

# All that it has been sent meanwhile it writes at once.
kill -STOP "$(pid two)"
: >"$FAULTS/hold"
wait_for rests
kill -CONT "$(pid two)"
ok 'the other has written events that are not synced' wait_for hangs
kill_hard two
for proxy in haproxy nginx; do
	ok "it is killed, and soon nobody behind $proxy notices" \
		wait_for takes "$proxy"
done
rm "$FAULTS/hold"
mark two
two faults
ok 'it is started again, and gets requests' wait_for gains two

for proxy in haproxy nginx; do
	stop "load-$proxy"
	note "$proxy: $(cat "$DIR/load-$proxy.out")"
	stop "$proxy"
done
for name in one two; do
	stop "$name"
	ids "$name"
done | sed 's/^"id":"//; s/"$//' | sort >"$DIR/stored"
sort "$DIR"/*.acked >"$DIR/acked"
num "$(wc -l <"$DIR/acked")" -gt 10 'events were acknowledged'
is "$(comm -23 "$DIR/acked" "$DIR/stored" | head -n 3)" '' 'none of them is lost'
is "$(uniq -d "$DIR/stored" | head -n 3)" '' 'and none is stored twice'
done_testing
