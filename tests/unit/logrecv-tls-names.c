/*
 * logrecv-tls-names.c - the name that a certificate has as a sender.
 */
#include <openssl/x509v3.h>

#include "../../cmd/logrecv/front/tls_own.h"
#include "tap.h"

#define LONG "0123456789012345678901234567890123456789012345678901234567890123"

/* Common names, alternative ones, and what comes of them; NULL: none. */
static const struct {
	const char *common[2];
	int type;
	const char *others, *want;
} cases[] = {
    {{"web-1"}, MBSTRING_UTF8, NULL, "web-1"},
    {{"web-1"}, MBSTRING_UTF8, "DNS:a.example", "web-1"},
    {{"web-1", "web-2"}, MBSTRING_UTF8, NULL, "web-1"},
    {{"J\xc3\xb6rg"}, MBSTRING_UTF8, NULL, "J\xc3\xb6rg"},
    {{"J\xf6rg"}, MBSTRING_ASC, NULL, "J\xc3\xb6rg"},
    {{LONG}, MBSTRING_UTF8, NULL, LONG},
    {{NULL}, 0, "DNS:a.example,URI:spiffe://a/b", "a.example"},
    {{NULL}, 0, "IP:1.2.3.4,URI:spiffe://a/b,DNS:a", "spiffe://a/b"},
    {{NULL}, 0, "RID:1.2.3,email:a@b.example", "a@b.example"},
    {{NULL}, 0, "URI:" LONG "x,DNS:a", NULL},
    {{NULL}, 0, "IP:1.2.3.4", NULL},
    {{NULL}, 0, NULL, NULL},
    {{"a\"b"}, MBSTRING_UTF8, "DNS:a", NULL},
    {{"a\\b"}, MBSTRING_UTF8, NULL, NULL},
    {{"a\nb"}, MBSTRING_UTF8, NULL, NULL},
    {{"a\x7f"}, MBSTRING_UTF8, NULL, NULL},
};

static X509 *
make_certificate(size_t n)
{
	X509 *cert = X509_new();
	X509_EXTENSION *others;

	must(cert != NULL);
	for (int i = 0; i < 2 && cases[n].common[i] != NULL; i++)
		must(X509_NAME_add_entry_by_NID(X509_get_subject_name(cert),
			 NID_commonName, cases[n].type,
			 (const unsigned char *)cases[n].common[i], -1, -1,
			 0) == 1);
	if (cases[n].others == NULL)
		return cert;
	others = X509V3_EXT_conf_nid(
	    NULL, NULL, NID_subject_alt_name, cases[n].others);
	must(others != NULL && X509_add_ext(cert, others, -1) == 1);
	X509_EXTENSION_free(others);
	return cert;
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		X509 *cert = make_certificate(i);
		char name[TLS_NAME_MAX + 1] = "";
		bool has = tls_name_of(cert, name);

		is_text(has ? name : "none",
		    cases[i].want == NULL ? "none" : cases[i].want,
		    cases[i].want == NULL ? "no name" : cases[i].want);
		X509_free(cert);
	}
	return tap_end();
}
