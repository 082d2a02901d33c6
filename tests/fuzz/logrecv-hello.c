/*
 * logrecv-hello.c - a client's first bytes of TLS, before anybody else looks at
 * them: found large or not in whatever pieces they come, and nothing of what is
 * behind them is looked at.
 */
#include "../../cmd/logrecv/front/hello.h"
#include "fuzz.h"

/* Where it was found to be large; or its length. */
static size_t
find(struct input in, bool is_tls_1_3, uint32_t cuts)
{
	struct hello hello = {0};
	size_t at = 0;

	while (at < in.len) {
		size_t n = input_piece(&cuts, in.len - at);
		const void *p = in.p + at;

		if (!hello_is_small(&hello, p, n, is_tls_1_3))
			return at;
		at += n;
	}
	return at;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	uint32_t cuts = 1 + input_byte(&in);
	bool is_tls_1_3 = cuts % 2 == 0;
	size_t cut = find(in, is_tls_1_3, cuts);

	check((find(in, is_tls_1_3, 0) < in.len) == (cut < in.len));
	/* What has come before that piece is small, whatever follows. */
	check(find((struct input){in.p, cut}, is_tls_1_3, 0) == cut);
	return 0;
}
