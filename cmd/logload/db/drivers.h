/*
 * drivers.h - the drivers there are, each in the file of its name.
 */
#ifndef LOGLOAD_DRIVERS_H
#define LOGLOAD_DRIVERS_H

#include "db.h"

extern const struct db_driver db_mysql; /* MySQL and MariaDB */

#endif
