/*
 * workers.h - what both servers to compare with share: as many threads as
 * logrecv has workers, each with a socket of its own on one port.
 */
#ifndef BENCH_WORKERS_H
#define BENCH_WORKERS_H

/* Serves the listening, non-blocking socket for ever. */
typedef void serve_fn(int fd);

/*
 * Reads "[WORKERS]" (default: one a CPU) from argv, listens on a free port of
 * 127.0.0.1, says "listening address=127.0.0.1:PORT" on stdout, and calls
 * `serve` in each thread. Returns an exit status, and only on failure.
 */
int workers_run(int argc, char **argv, serve_fn *serve);

/* What logrecv answers to one event, but for the date. */
#define ANSWER_BODY "{\"accepted\":1}"

#endif
