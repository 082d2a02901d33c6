/*
 * log.h - what a tool tells its operator: one line an event on stderr.
 *
 *   2026-11-22T07:33:51.123456Z info logbatch: rotated file=X bytes=10485760
 *
 * The message is printf-like; facts follow it as key=value, written in the
 * format by the caller. Control characters and bytes that are not ASCII are
 * escaped as \xNN, so no client can forge a line or drive a terminal. Each
 * line is one write(2), whole up to LOG_LINE_MAX bytes and cut there. Safe to
 * call from several threads.
 *
 * No call waits for a pipe, terminal or socket that nobody reads from: a line
 * that finds no room is lost, and the next one that finds some comes behind one
 * that says how many were.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "buf.h"

#define LOG_LINE_MAX 2048
#define LOG_KEPT 8       /* lines */
#define LOG_KEPT_MAX 512 /* bytes of one */

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/*
 * Names the tool in every line, sets what is shown, and looks at what stderr
 * is; call once, at start.
 */
void log_init(const char *tool, enum log_level most);

/*
 * Appends the last LOG_KEPT errors and warnings of this process, the oldest
 * first, each cut at LOG_KEPT_MAX bytes, its line break included. 0, or -1:
 * ENOMEM.
 */
int log_kept(struct buf *out);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
