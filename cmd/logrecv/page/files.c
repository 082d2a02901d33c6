/*
 * files.c - the files of the status page; see page.h. The assembler puts them
 * into the program as they are: make knows that this depends on them.
 */
#include <string.h>

#include "page.h"

/* The symbols NAME and NAME_end, around the bytes of the file. */
#define FILE_IN(name, path) \
	__asm__(".pushsection .rodata\n" #name ":\n.incbin \"" path \
		"\"\n" #name "_end:\n.byte 0\n.popsection"); \
	extern const char name[], name##_end[]

#define HERE "cmd/logrecv/page/"
FILE_IN(page_html, HERE "page.html");
FILE_IN(page_css, HERE "page.css");
FILE_IN(page_js, HERE "page.js");
FILE_IN(data_js, HERE "data.js");
FILE_IN(words_js, HERE "words.js");
FILE_IN(plot_js, HERE "plot.js");
FILE_IN(page_icon, HERE "icon.svg");

#define JS "text/javascript; charset=utf-8"

static const struct page_file files[] = {
    {"", "text/html; charset=utf-8", page_html, page_html_end},
    {"page.css", "text/css; charset=utf-8", page_css, page_css_end},
    {"page.js", JS, page_js, page_js_end},
    {"data.js", JS, data_js, data_js_end},
    {"words.js", JS, words_js, words_js_end},
    {"plot.js", JS, plot_js, plot_js_end},
    {"icon.svg", "image/svg+xml", page_icon, page_icon_end},
};

const struct page_file *
page_find(struct http_text name)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strlen(files[i].name) == name.len &&
		    memcmp(files[i].name, name.p, name.len) == 0)
			return &files[i];
	}
	return NULL;
}

/*
 * The values of events are shown there: whatever they say, no script runs but
 * these, nothing is asked of another host, and no page has this one in it.
 */
const char page_fields[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; "
    "style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Cache-Control: no-store\r\n";
