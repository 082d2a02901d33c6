/*
 * settings_tables.c - what is asked of tables, their columns and partitions.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "db/partitions.h"
#include "row/types.h"
#include "settings_own.h"

#define SECOND 1000000000ULL
#define MORE_TABLES 256 /* that others have made, or of times */

/* "name" or "database.name". */
static int
check_table(const char *name, struct error *err)
{
	const char *dot = strchr(name, '.');
	const char *table = dot == NULL ? name : dot + 1;

	if (*table == '\0' || strlen(table) > COLUMN_NAME_MAX || dot == name ||
	    strchr(table, '.') != NULL)
		return error_set(
		    err, "'%s' is neither NAME nor DATABASE.NAME", name);
	return 0;
}

/* A database that cuts long names in silence would take two for one. */
static int
check_length(const struct settings *s, const char *name, struct error *err)
{
	unsigned most = s->db.driver->dialect.name_bytes;
	const char *dot = strchr(name, '.');

	if (most == 0 || (strlen(dot == NULL ? name : dot + 1) <= most &&
			     (dot == NULL || dot - name <= (long)most)))
		return 0;
	return error_set(err,
	    "'%s' is over the %u bytes of a name in this database", name, most);
}

/* Without the database, where it is the one that we connect to. */
static const char *
shorten(const char *database, const char *name)
{
	size_t len = database == NULL ? 0 : strlen(database);

	return len > 0 && strncmp(name, database, len) == 0 && name[len] == '.'
		   ? name + len + 1
		   : name;
}

/* A template's member may have dots in its path. */
static void
name_table(
    const struct db_config *c, const char **name, char whole[DB_TABLE_MAX + 1])
{
	*name = shorten(c->database, *name);
	if (c->database == NULL || strchr(c->ledger, '.') == NULL ||
	    (*name)[strcspn(*name, ".{")] == '.')
		return;
	(void)snprintf(whole, DB_TABLE_MAX + 1, "%s.%s", c->database, *name);
	*name = whole;
}

/*
 * The ledger tells tables apart by their names, so one table has one name; and
 * a ledger that several databases share has theirs in front.
 */
static void
name_tables(struct settings *s)
{
	struct db_config *c = &s->db;

	c->ledger = shorten(c->database, c->ledger);
	name_table(c, &c->table, s->table);
	if (c->other_table != NULL)
		name_table(c, &c->other_table, s->other_table);
}

/* Every name of an index must be a column. */
static int
check_indexes(const struct settings *s, const struct option_list *indexes,
    struct error *err)
{
	for (unsigned i = 0; i < indexes->count; i++) {
		const char *name = indexes->items[i];
		size_t n;

		do {
			n = strcspn(name, ",");
			if (!columns_has(&s->columns, name, n))
				return error_set(err, "'%.*s' is not a column",
				    (int)n, name);
			name += n + 1;
		} while (name[-1] != '\0');
	}
	return 0;
}

/* Each item of a list, in turn. */
static int
each(const struct option_list *list,
    int (*take)(struct columns *, const char *, struct error *),
    struct columns *columns, struct error *err)
{
	for (unsigned i = 0; i < list->count; i++) {
		if (take(columns, list->items[i], err) < 0)
			return -1;
	}
	return 0;
}

/* What the database has to have, or to make, of them. */
static int
fit_columns(struct settings *s, struct error *err)
{
	const struct db_dialect *d = &s->db.driver->dialect;
	struct columns *c = &s->columns;

	for (int i = 0; i < COLUMNS_FIXED; i++) {
		if (check_length(s, c->fixed[i], err) < 0)
			return -1;
	}
	for (unsigned i = 0; i < c->count; i++) {
		struct column *column = &c->list[i];

		if (check_length(s, column->name, err) < 0)
			return -1;
		if (d->types[column->type] == NULL)
			return error_set(err,
			    "column %s: the database has no type %s",
			    column->name, type_word(column->type));
		if (d->signed_only && column->most > INT64_MAX)
			column->most = INT64_MAX;
	}
	return 0;
}

static int
complete_columns(struct settings *s, struct error *err)
{
	struct columns *c = &s->columns;

	if (columns_init(c, err) < 0)
		return settings_usage(err, "column");
	if (each(&s->renames, columns_rename, c, err) < 0)
		return settings_usage(err, "rename");
	if (each(&s->column_files, columns_read, c, err) < 0)
		return settings_usage(err, "columns");
	if (each(&s->column_specs, columns_set, c, err) < 0)
		return settings_usage(err, "column");
	if (s->db.table_most > 0) {
		s->route = route_new(&s->db, s->tables, c, err);
		if (s->route == NULL)
			return settings_usage(err, "table");
	}
	if (columns_compile(c, err) < 0 || fit_columns(s, err) < 0)
		return settings_usage(err, "column");
	if (check_indexes(s, &s->indexes, err) < 0)
		return settings_usage(err, "index");
	if (check_indexes(s, &s->uniques, err) < 0)
		return settings_usage(err, "unique");
	s->db.columns = c;
	s->db.indexes = &s->indexes;
	s->db.uniques = &s->uniques;
	return 0;
}

static int
check_tables(struct settings *s, struct error *err)
{
	struct db_config *c = &s->db;
	bool many = route_is_template(c->table);

	if (!many && (check_table(c->table, err) < 0 ||
			 check_length(s, c->table, err) < 0))
		return settings_usage(err, "table");
	if (check_table(c->ledger, err) < 0 ||
	    check_length(s, c->ledger, err) < 0)
		return settings_usage(err, "ledger");
	if (many &&
	    strlen(c->table) +
		    (c->database == NULL ? 0 : strlen(c->database) + 1) >
		DB_TABLE_MAX) {
		(void)error_set(
		    err, "'%.40s...' is over %d bytes", c->table, DB_TABLE_MAX);
		return settings_usage(err, "table");
	}
	if (!many && s->tables != NULL) {
		(void)error_set(err, "--table has no {member}");
		return settings_usage(err, "tables");
	}
	if (!many || strcmp(c->other_table, "rejected/") == 0)
		c->other_table = NULL;
	else if (check_table(c->other_table, err) < 0 ||
		 check_length(s, c->other_table, err) < 0)
		return settings_usage(err, "table-other");
	else if (strcasecmp(c->other_table, c->ledger) == 0) {
		(void)error_set(err, "'%s' is the ledger", c->ledger);
		return settings_usage(err, "table-other");
	} else if (route_is_template(c->other_table)) {
		(void)error_set(
		    err, "'%s' is a template, not a name", c->other_table);
		return settings_usage(err, "table-other");
	}
	c->table_most = many ? (unsigned)s->tables_max : 0;
	c->table_room = many ? c->table_most + MORE_TABLES : 0;
	name_tables(s);
	return 0;
}

static int
choose_payload_type(struct settings *s, struct error *err)
{
	const struct db_dialect *d = &s->db.driver->dialect;
	const char *wish = s->payload_type, *other = d->json_too;

	s->db.payload_type = d->json;
	if (wish == NULL || strcasecmp(wish, d->json) == 0)
		return 0;
	s->db.payload_type = other;
	if (other != NULL && strcasecmp(wish, other) == 0)
		return 0;
	return error_set(err,
	    "'%s' is not what this database has for it: %s%s%s", wish, d->json,
	    other == NULL ? "" : " or ", other == NULL ? "" : other);
}

/* What of partitions the database, or any, cannot have. */
static int
complete_partitions(struct settings *s, struct error *err)
{
	static const uint64_t period_ns[] = {[DB_PERIOD_HOUR] = 3600 * SECOND,
	    [DB_PERIOD_DAY] = 86400 * SECOND,
	    [DB_PERIOD_MONTH] = 28 * 86400 * SECOND};
	struct db_config *c = &s->db;
	const char *table = c->table_most > 0 ? c->other_table : c->table;
	char longest[DB_TABLE_MAX + PARTITION_NAME_LEN + 2];

	c->catch_all = s->partition_else == ELSE_CATCH_ALL;
	if (c->period == DB_PERIOD_NONE)
		return 0;
	(void)snprintf(longest, sizeof(longest), "%s_p2026113007",
	    table == NULL ? "" : table);
	if (c->driver->partitioning == NULL)
		(void)error_set(err, "this database has no partitions; "
				     "--retain works without them");
	else if (c->retain_ns / period_ns[c->period] > PARTITIONS_MAX / 2)
		(void)error_set(err,
		    "--retain would need over %d partitions; make them longer",
		    PARTITIONS_MAX / 2);
	else if (check_length(s, longest, err) == 0)
		return 0;
	return settings_usage(err, "partition");
}

int
settings_tables(struct settings *s, struct error *err)
{
	int status = check_tables(s, err);

	if (status != 0)
		return status;
	if (choose_payload_type(s, err) < 0)
		return settings_usage(err, "payload-type");
	status = complete_columns(s, err);
	return status != 0 ? status : complete_partitions(s, err);
}
