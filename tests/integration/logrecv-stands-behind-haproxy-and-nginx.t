#!/usr/bin/env bash
# As they are: HAProxy by both versions of the PROXY protocol and by
# X-Forwarded-For, with TLS behind the header and by HAProxy itself, nginx by that
# over connections that it keeps. Each event is of the client that the proxy saw,
# whatever that one says. The configurations are those that a user would write.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

for program in haproxy nginx; do
	command -v "$program" >/dev/null || skip_all "there is no $program"
done

# from PORT CLIENT NAME [SCHEME]: an event by that proxy is this client's
from() {
	local before

	before=$(stored | wc -l)
	URL=${4:-http}://127.0.0.1:$1 http POST /log -d '{"@client":"6.6.6.6"}' \
		--interface "$2" -H 'X-Forwarded-For: 6.6.6.6' --cacert "$DIR/cert"
	is "$CODE" 200 "$3"
	is "$(stored | tail -n +$((before + 1)) | sed 's/,"@received_at.*//')" \
		"{\"@client\":\"$2\"" "  is of $2"
}

spool_new
sock=$DIR/sock
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
	-subj /CN=server -addext 'subjectAltName=IP:127.0.0.1' \
	-keyout "$DIR/key" -out "$DIR/cert" 2>"$DIR/openssl"
logrecv_start --workers=1 --client-member=@client --trust-proxy=unix \
	--listen=127.0.0.1:0,proxy --listen=127.0.0.1:0,proxy,tls \
	--listen="unix:$sock,mode=0666" \
	--tls-cert="$DIR/cert" --tls-key="$DIR/key"
mapfile -t proxied < <(log_since logrecv |
	sed -n 's/.* listening address=127.*:\([0-9]*\) .*/\1/p' | tail -n 2)
port1=$(tests_free_port) port2=$(tests_free_port) port3=$(tests_free_port)
port4=$(tests_free_port) port5=$(tests_free_port) port6=$(tests_free_port)
chmod 755 "$DIR"

cat >"$DIR/haproxy.cfg" <<END
defaults
	timeout connect 5s
	timeout client 10s
	timeout server 10s
listen version1
	bind 127.0.0.1:$port1
	server logs 127.0.0.1:${proxied[0]} send-proxy check inter 100ms
listen version2
	bind 127.0.0.1:$port2
	server logs 127.0.0.1:${proxied[0]} send-proxy-v2 check inter 100ms
listen passes-tls-on
	bind 127.0.0.1:$port5
	server logs 127.0.0.1:${proxied[1]} send-proxy-v2 check inter 100ms
listen speaks-tls
	bind 127.0.0.1:$port6
	server logs 127.0.0.1:${proxied[1]} send-proxy check inter 100ms ssl verify required ca-file $DIR/cert
listen forwarded
	mode http
	option forwardfor
	http-request del-header Forwarded
	bind 127.0.0.1:$port3
	server logs $sock
END
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
	upstream logs {
		server unix:$sock;
		keepalive 4;
	}
	server {
		listen 127.0.0.1:$port4;
		location / {
			proxy_pass http://logs;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Forwarded "";
			proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
		}
	}
}
END
start haproxy haproxy -db -f "$DIR/haproxy.cfg"
start nginx nginx -c "$DIR/nginx.cfg"
answers() {
	curl -q -s -o "$DIR/null" --max-time 5 "http://127.0.0.1:$1/healthz"
}
for port in "$port1" "$port2" "$port3" "$port4" "$port6"; do
	wait_for answers "$port" || give_up "no proxy answers at $port"
done
from "$port1" 127.0.0.5 'HAProxy, send-proxy'
from "$port2" 127.0.0.6 'HAProxy, send-proxy-v2'
from "$port3" 127.0.0.7 'HAProxy, forwardfor'
from "$port5" 127.0.0.4 'HAProxy, TLS of the client' https
from "$port6" 127.0.0.3 'HAProxy, TLS of its own'
for client in 127.0.0.8 127.0.0.9 127.0.0.8; do
	from "$port4" "$client" 'nginx, over a connection that it keeps'
done
for reason in proxy tls; do
	is "$(scrape "logrecv_refused_total{reason=\"$reason\"}")" 0 \
		"their checks of health are no fault of $reason"
done
stop nginx QUIT
stop haproxy
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
