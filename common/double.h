/*
 * double.h - the text of a number.
 */
#ifndef COMMON_DOUBLE_H
#define COMMON_DOUBLE_H

#include <stddef.h>

#define DOUBLE_TEXT_MAX 24 /* bytes: -1.2345678901234567e-308 */

/*
 * Writes the shortest text that is read as the same double and, of several,
 * the nearest, as printf's %g would with enough digits; no NUL. Not for NaN and
 * the infinities. Returns its length. Any thread.
 */
size_t double_format(double, char *text);

#endif
