/*
 * logrecv-stream.c - bytes arrive whole and in order, however little of them
 * is taken at a time, and leave so, however little the socket takes.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "../../cmd/logrecv/front/tls.h"
#include "../../cmd/logrecv/stream.h"
#include "tap.h"

#define MUCH (1 << 20)

static struct event_base *base;
static struct buf room;
static struct stream stream;
static int peer;
static unsigned told[4]; /* by enum stream_event */
static struct buf got;   /* what was taken */
static size_t most;      /* to be taken in a turn */
static bool closes;      /* from within */

static void
on_stream(void *arg, enum stream_event what)
{
	size_t n = stream.input_len < most ? stream.input_len : most;

	must(arg == &told);
	told[what]++;
	if (what == STREAM_BROKEN || closes) {
		stream_close(&stream);
		return;
	}
	must(buf_append(&got, stream.input, n) == 0);
	stream_take(&stream, n);
}

static void
turn(void)
{
	must(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
}

static void
begin(void)
{
	int fds[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	memset(told, 0, sizeof(told));
	got.len = 0;
	most = MUCH;
	closes = false;
	peer = fds[1];
	must(stream_open(&stream, base, fds[0], &room, on_stream, &told) == 0);
}

static void
end(void)
{
	stream_close(&stream);
	stream_close(&stream); /* does no harm */
	(void)close(peer);
	turn();
}

static void
say(const char *text)
{
	must(write(peer, text, strlen(text)) == (ssize_t)strlen(text));
	turn();
}

static void
test_input(void)
{
	begin();
	turn();
	is_number(told[STREAM_INPUT], 0, "nothing to be told");
	say("one");
	is_number(told[STREAM_INPUT], 1, "input is told");
	is_number(stream.input_len, 0, "and taken");
	is_number(stream.kept.cap, 0, "without memory of its own");
	most = 2;
	say("two");
	say("three");
	is_number(stream.input_len, 4, "what is not taken stays");
	most = MUCH;
	say("!");
	ok(got.len == 12 && memcmp(got.data, "onetwothree!", 12) == 0,
	    "and comes before what is new");
	end();
}

/* Whatever is left of each piece, and whatever comes behind it. */
static void
test_pieces(void)
{
	char sent[5000], piece[64];
	size_t at = 0;
	bool good = true;

	begin();
	srandom(7);
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)random();
	while (at < sizeof(sent)) {
		size_t n = 1 + (size_t)random() % sizeof(piece);

		if (n > sizeof(sent) - at)
			n = sizeof(sent) - at;
		most = (size_t)random() % sizeof(piece);
		must(write(peer, sent + at, n) == (ssize_t)n);
		at += n;
		turn();
		good =
		    good && got.len + stream.input_len == at &&
		    memcmp(stream.input, sent + got.len, stream.input_len) == 0;
	}
	ok(good, "any pieces, taken in any others");
	ok(memcmp(got.data, sent, got.len) == 0, "are the same bytes");
	stream_take(&stream, stream.input_len);
	ok(stream.kept.cap <= 4096, "much memory is given back");
	end();
}

/* Sends as much as the socket takes, and that is much. */
static void
fill(void)
{
	static char bytes[MUCH];
	int size = 2 * MUCH;

	must(setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == 0);
	must(write(peer, bytes, MUCH) > STREAM_READ + STREAM_ROOM);
	turn();
}

static void
test_sizes(void)
{
	begin();
	fill();
	is_number(got.len, STREAM_READ, "64 KiB are read at a time");
	ok(stream_has_unread(&stream), "and there is more");
	got.len = 0;
	stream.wanted = MUCH;
	turn();
	is_number(got.len, STREAM_ROOM, "as much as there is room for");
	stream.wanted = 0;
	while (stream_has_unread(&stream))
		turn();
	got.len = 0;
	fill();
	got.len = 0;
	stream.wanted = 100000;
	turn();
	is_number(got.len, 100000, "or as much as is wanted");
	end();
}

static void
test_stop(void)
{
	begin();
	is_number(stream_read(&stream, false), 0, "stops to read");
	say("unseen");
	is_number(told[STREAM_INPUT], 0, "then nothing is told");
	is_number(stream_read(&stream, true), 0, "begins again");
	turn();
	is_number(told[STREAM_INPUT], 1, "then it is");
	must(shutdown(peer, SHUT_WR) == 0);
	turn();
	turn();
	is_number(told[STREAM_END], 1, "the end is told once");
	is_number(stream_read(&stream, true), 0, "to read on");
	turn();
	is_number(told[STREAM_END], 1, "does nothing then");
	is_number(stream_send(&stream, "yes", 3), 0, "sending still works");
	end();
}

static size_t
drain(struct buf *to)
{
	char bytes[3000];
	ssize_t n;
	size_t sum = 0;

	while ((n = read(peer, bytes, sizeof(bytes))) > 0) {
		must(buf_append(to, bytes, (size_t)n) == 0);
		sum += (size_t)n;
	}
	return sum;
}

static void
test_output(void)
{
	char bytes[3000] = {0};
	int least = 1;
	struct buf seen = {0};

	begin();
	is_number(stream_send(&stream, "a", 1), 0, "what there is room for");
	is_number(stream_unsent(&stream), 0, "is not kept");
	is_number(drain(&seen), 1, "it is there");
	/* The socket's own room is small beside what is kept. */
	must(setsockopt(
		 stream.fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)) == 0);
	while (stream_unsent(&stream) < sizeof(bytes))
		must(stream_send(&stream, bytes, sizeof(bytes)) == 0);
	/* As much leaves as comes, and there is always something left. */
	for (unsigned i = 0; i < 10000; i++) {
		while (stream_unsent(&stream) < 20 * sizeof(bytes))
			must(stream_send(&stream, bytes, sizeof(bytes)) == 0);
		must(read(peer, bytes, sizeof(bytes)) > 0);
		turn();
	}
	is_number(told[STREAM_SENT], 0, "never empty");
	ok(stream.out.cap <= 1 << 18, "its memory does not grow");
	do
		turn();
	while (drain(&seen) > 0);
	is_number(stream_unsent(&stream), 0, "all leaves in the end");
	ok(told[STREAM_SENT] > 0, "which is told");
	ok(stream.out.cap <= 4096, "its memory is given back");
	buf_release(&seen);
	end();
}

static void
test_order(void)
{
	struct buf sent = {0}, seen = {0};

	begin();
	for (unsigned i = 0; i < 100000; i++) {
		size_t before = sent.len;

		must(buf_printf(&sent, "%u,", i) == 0);
		must(stream_send(
			 &stream, sent.data + before, sent.len - before) == 0);
		if (i % 1000 == 0) {
			(void)drain(&seen);
			turn();
		}
	}
	do
		turn();
	while (drain(&seen) > 0);
	ok(seen.len == sent.len && memcmp(seen.data, sent.data, sent.len) == 0,
	    "bytes leave in order");
	buf_release(&sent);
	buf_release(&seen);
	end();
}

static void
test_breaks(void)
{
	begin();
	closes = true;
	say("closed while it is told");
	is_number(stream.fd, -1, "it may be closed from within");
	end();

	begin();
	while (stream_unsent(&stream) == 0)
		must(stream_send(&stream, "0123456789abcdef", 16) == 0);
	must(stream_read(&stream, false) == 0);
	must(close(peer) == 0);
	turn();
	is_number(told[STREAM_BROKEN], 1, "nobody reads what was kept: broken");
	end();

	begin();
	must(close(peer) == 0);
	is_number(stream_send(&stream, "a", 1), -1, "nor what is sent");
	end();

	/* Closed with bytes that it has not read, the peer resets. */
	begin();
	must(stream_send(&stream, "unread", 6) == 0);
	must(close(peer) == 0);
	turn();
	is_number(told[STREAM_BROKEN], 1, "a reset: broken");
	end();
}

/*
 * TLS
 */

/* A certificate and its key, in a file of this name. */
static void
make_certificate(const char *path)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	FILE *f = fopen(path, "w");

	must(key != NULL && cert != NULL && f != NULL);
	must(X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL);
	must(X509_gmtime_adj(X509_getm_notAfter(cert), 3600) != NULL);
	must(X509_set_pubkey(cert, key) == 1);
	must(X509_sign(cert, key, EVP_sha256()) > 0);
	must(PEM_write_X509(f, cert) == 1);
	must(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
	must(fclose(f) == 0);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* What the client has to send goes to the peer, in one piece. */
static void
pass_on(SSL *client)
{
	char *data;
	long len = BIO_get_mem_data(SSL_get_wbio(client), &data);

	if (len > 0)
		must(write(peer, data, (size_t)len) == len);
	(void)BIO_reset(SSL_get_wbio(client));
}

static SSL *
shake_hands(struct tls *tls, SSL_CTX *context)
{
	SSL *client = SSL_new(context);
	char answer[8192];
	ssize_t n;

	begin();
	must(client != NULL && stream_secure(&stream, tls) == 0);
	SSL_set0_rbio(client, BIO_new(BIO_s_mem()));
	SSL_set0_wbio(client, BIO_new(BIO_s_mem()));
	SSL_set_connect_state(client);
	while (SSL_do_handshake(client) != 1 || stream_shakes_hands(&stream)) {
		pass_on(client);
		turn();
		n = read(peer, answer, sizeof(answer));
		if (n > 0)
			must(BIO_write(SSL_get_rbio(client), answer, (int)n) ==
			     n);
	}
	return client;
}

static void
test_tls(void)
{
	char path[] = "/tmp/logrecv-stream.XXXXXX";
	struct tls tls = {.cert = path, .key = path};
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct error err;
	SSL *client;
	int fd = mkstemp(path);

	must(fd >= 0 && close(fd) == 0 && context != NULL);
	make_certificate(path);
	must(tls_load(&tls, &err) == 0);

	client = shake_hands(&tls, context);
	must(SSL_write(client, "last", 4) == 4 && SSL_shutdown(client) == 0);
	pass_on(client);
	turn();
	turn();
	ok(got.len == 4 && told[STREAM_END] == 1,
	    "an end that comes with data is told at once");
	SSL_free(client);
	end();

	client = shake_hands(&tls, context);
	for (int i = 0; i < 4000; i++) {
		must(SSL_key_update(client, SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
		must(SSL_do_handshake(client) == 1);
	}
	must(SSL_write(client, "a", 1) == 1);
	pass_on(client);
	turn();
	is_number(got.len, 0, "what is no data does not take all of a turn");
	for (int i = 0; i < 20 && got.len == 0; i++)
		turn();
	is_number(got.len, 1, "what is behind it comes");
	SSL_free(client);
	end();

	begin();
	must(stream_secure(&stream, &tls) == 0);
	is_number(stream_send(&stream, "a", 1), -1,
	    "what cannot be sent before more is read is not waited for");
	end();

	must(unlink(path) == 0);
	tls_release(&tls);
	SSL_CTX_free(context);
}

int
main(void)
{
	base = event_base_new();
	must(base != NULL && buf_reserve(&room, STREAM_ROOM) == 0);
	test_input();
	test_pieces();
	test_sizes();
	test_stop();
	test_output();
	test_order();
	test_breaks();
	test_tls();
	event_base_free(base);
	buf_release(&room);
	buf_release(&got);
	return tap_end();
}
