#!/usr/bin/env bash
# What a page does in a real browser: it sends with a token, and with a beacon,
# and can read what it is answered, errors too; one that is not allowed cannot.
# And what the browser does for it: reports of its policy, and others.
# shellcheck disable=SC2016 # the code in quotes is Perl
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

browser=$(command -v chromium || command -v chromium-browser ||
	command -v google-chrome) || skip_all 'there is no Chromium'

# pages NAME: serves $DIR/NAME.html, and nothing else, at PAGE
pages() {
	start "pages-$1" perl -MIO::Socket::INET -e '
		$| = 1;
		my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1:0",
		    Listen => 5) or die;
		print $s->sockport, "\n";
		while (my $c = $s->accept) {
			while (<$c>) { last if /^\r?$/ }
			open my $f, "<", $ARGV[0] or die;
			my $page = do { local $/; <$f> };
			print $c "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n",
			    "Connection: close\r\nContent-Length: ",
			    length $page, "\r\n\r\n$page";
			close $c;
		}' "$DIR/$1.html"
	wait_for test -s "$DIR/pages-$1.out" || give_up 'the pages are not served'
	PAGE=http://127.0.0.1:$(cat "$DIR/pages-$1.out")
}

# browse NAME: opens that page, until it is stopped
browse() {
	start "browser-$1" "$browser" --headless --no-sandbox --disable-gpu \
		--disable-dev-shm-usage --no-first-run \
		--ignore-certificate-errors --short-reporting-delay \
		--user-data-dir="$DIR/profile-$1" --remote-debugging-port=0 "$PAGE"
}

# has_sent TEXT: is it an event that was stored?
has_sent() {
	texts | grep -qF -e "$1"
}

printf 'web:first-token\n' >"$DIR/tokens"
chmod 600 "$DIR/tokens"
: >"$DIR/good.html"
pages good
good=$PAGE
pages evil
evil=$PAGE
spool_new
logrecv_start --workers=1 --token-file="$DIR/tokens" --cors-origin="$good"
cat >"$DIR/good.html" <<END
<script>
const log = (token, event) => fetch("$URL/log", {method: "POST",
    credentials: "include", body: JSON.stringify(event),
    headers: {"Content-Type": "application/json",
	"Authorization": "Bearer " + token}});
(async () => {
	const wrong = await log("wrong", {});
	const why = await wrong.json();
	const right = await log("first-token", {sent: 1});
	const got = await right.json();
	await log("first-token", {wrong: wrong.status, said: typeof why.error,
	    right: right.status, accepted: got.accepted});
})();
</script>
END
PAGE=$good
browse good
ok 'a page sends, and can read a refusal and an answer' wait_for -t 60 \
	has_sent '{"wrong":401,"said":"string","right":200,"accepted":1}'
kill_group browser-good
stop logrecv

spool_new
logrecv_start --workers=1 --cors-origin="$good"
for name in evil good; do
	cat >"$DIR/$name.html" <<-END
	<script>
	navigator.sendBeacon("$URL/log", new Blob(['{"beacon":"$name"}'],
	    {type: "application/json"}));
	navigator.sendBeacon("$URL/log", '{"text":"$name"}');
	</script>
	END
done
PAGE=$evil
browse evil
refused() {
	[ "$(scrape 'logrecv_refused_total{reason="origin"}')" -ge 2 ]
}
ok 'what another page sends is refused' wait_for -t 60 refused
kill_group browser-evil
PAGE=$good
browse again
ok 'a beacon with JSON, for which the browser asks first' wait_for -t 60 \
	has_sent '{"beacon":"good"}'
ok 'and one with text' wait_for -t 60 has_sent '{"text":"good"}'
kill_group browser-again
not_ok 'nothing of the other page is stored' grep -q evil <<<"$(texts)"
stop logrecv

# A report of the Reporting API goes by https alone, for a page of https alone.
# The other kind is sent where report-uri says, unless report-to is there too.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
	-subj /CN=server -addext 'subjectAltName=IP:127.0.0.1' \
	-keyout "$DIR/key" -out "$DIR/cert" 2>"$DIR/openssl"
start pages-tls env -C "$DIR" openssl s_server -HTTP -accept 127.0.0.1:0 \
	-cert "$DIR/cert" -key "$DIR/key"
wait_for grep -q '^ACCEPT .*:' "$DIR/pages-tls.out" || give_up 'no page of https'
PAGE=https://127.0.0.1:$(sed -n 's/^ACCEPT .*://p' "$DIR/pages-tls.out")
spool_new
logrecv_start --workers=1 --cors-origin="$PAGE" --listen=127.0.0.1:0,tls \
	--tls-cert="$DIR/cert" --tls-key="$DIR/key"
URL=https://127.0.0.1:$(log_since logrecv |
	sed -n 's/.* listening address=127.*:\([0-9]*\) .*/\1/p' | tail -n 1)
sed 's/$/\r/' >"$DIR/policy.html" <<END
HTTP/1.0 200 OK
Content-Type: text/html
Reporting-Endpoints: logs="$URL/log"
Content-Security-Policy: img-src 'none'; report-uri $URL/log
Content-Security-Policy-Report-Only: style-src 'none'; report-to logs

<img src="a.png"><style>p { color: red }</style>
END
PAGE=$PAGE/policy.html
browse policy
ok 'a report of a content security policy' wait_for -t 60 has_sent \
	'{"csp-report":{'
ok 'and of the Reporting API, for which the browser asks first' wait_for -t 60 \
	has_sent '"type":"csp-violation"'
kill_group browser-policy
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
