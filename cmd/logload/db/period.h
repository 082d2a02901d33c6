/*
 * period.h - hours, days and months in UTC, in microseconds since 1970.
 */
#ifndef LOGLOAD_PERIOD_H
#define LOGLOAD_PERIOD_H

#include "driver.h"

int64_t period_begin(enum db_period, int64_t us);
int64_t period_move(enum db_period, int64_t begin, int periods);

/* Of a text of DB_INSTANT_LEN bytes. */
int64_t instant_us(const char *at);

/* The name of a partition of the period that begins there: p20261130 */
#define PARTITION_NAME_LEN 11
#define PARTITION_ELSE "else" /* of the catch-all */
void partition_name(
    enum db_period, const char *from, char out[PARTITION_NAME_LEN + 1]);

/* Would a partition of another table be called so? It ends in _p20261130. */
bool partition_has_name(const char *table);

#endif
