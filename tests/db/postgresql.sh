# shellcheck shell=bash
#
# postgresql.sh - PostgreSQL for lib.sh, which tells what these are for. It
# does not run as root: nobody does then.

# shellcheck disable=SC2034 # DB_SOCKET and the like are for the tests

# Debian has the server's programs there, of the newest version last.
for tests_postgresql_bin in /usr/lib/postgresql/*/bin; do :; done

# Where that is a program of the server's: prints what stands before it.
tests_postgresql_as() {
	[ "$(id -u)" -ne 0 ] || printf '%s\n' --reuid nobody \
		--regid "$(id -gn nobody)" --clear-groups
}

tests_postgresql_run() {
	local program=$1 as

	shift
	mapfile -t as < <(tests_postgresql_as)
	(cd "$DIR" && setpriv --pdeathsig KILL "${as[@]}" \
		"$tests_postgresql_bin/$program" "$@")
}

# An empty server's files, made once a build folder and copied by each test.
# Words are compared as people do, so that what needs bytes has to say so.
tests_postgresql_template() {
	local template=$BUILD/tests/postgresql made=$DIR/.postgresql

	[ -x "$tests_postgresql_bin/initdb" ] || skip_all 'no PostgreSQL server here'
	mkdir -p "$BUILD/tests"
	exec 9>"$BUILD/tests/postgresql.lock"
	flock 9
	if [ ! -e "$template/made" ]; then
		rm -rf "$template"
		mkdir "$template" "$made"
		[ "$(id -u)" -ne 0 ] || chown nobody: "$made"
		tests_postgresql_run initdb --pgdata="$made" --username=root \
			--auth-local=trust --auth-host=scram-sha-256 --no-sync \
			--encoding=UTF8 --locale=C.UTF-8 --locale-provider=icu \
			--icu-locale=en-US >"$DIR/.initdb" 2>&1 &&
			tests_postgresql_run postgres --single -D "$made" postgres \
				>"$DIR/.single" 2>&1 <<-'SQL' &&
					CREATE ROLE logs LOGIN PASSWORD 'secret';
					CREATE DATABASE logs OWNER logs;
				SQL
			mv "$made" "$template/data" && : >"$template/made"
	fi
	[ -e "$template/made" ] || bail_out "cannot make a PostgreSQL: $(
		tail -n 5 "$DIR/.initdb" "$DIR/.single" 2>&1 | tr '\n' ' ')"
	exec 9>&-
}

# In front of options, the name of another server than the first.
postgresql_start() {
	local name=postgresql as try

	DB=postgresql
	DB_PICKY=23514
	DB_REFUSED=P0001
	DB_SOCKET=$DIR/run
	chmod 711 "$DIR" # for the server's user
	case ${1:--} in
	-*) ;;
	*) name=$1 && shift ;;
	esac
	DB_FILES=$DIR/$name
	if [ ! -d "$DIR/$name" ]; then
		tests_postgresql_template
		cp -a --reflink=auto "$BUILD/tests/postgresql/data" "$DIR/$name" ||
			bail_out 'cannot copy the files of PostgreSQL'
		chmod 700 "$DIR/$name"
	fi
	mkdir -p "$DIR/run"
	chmod 1777 "$DIR/run"
	mapfile -t as < <(tests_postgresql_as)
	for try in 1 2 3; do
		[ -n "$DB_PORT" ] || DB_PORT=$(tests_free_port)
		start "$name" setpriv --pdeathsig KILL "${as[@]}" \
			"$tests_postgresql_bin/postgres" -D "$DIR/$name" \
			-k "$DIR/run" -h "$DB_HOST" -p "$DB_PORT" \
			-c shared_buffers=32MB -c max_connections=40 \
			-c dynamic_shared_memory_type=mmap "$@"
		wait_for -t 60 tests_postgresql_answers "$name"
		alive "$name" && break
		# Another one took the port; or the last one's processes go still.
		log_since "$name" | grep -qE 'could not bind|shared memory block' ||
			break
		log_since "$name" | grep -q 'shared memory block' || DB_PORT=
	done
	alive "$name" || give_up "PostgreSQL does not start, try $try"
	DB_URL=postgresql://logs@$DB_HOST:$DB_PORT/logs
	export LOGLOAD_DB_PASSWORD=secret
}

# NAME: a standby of the server at DB_PORT, which is another one's then.
postgresql_standby() {
	local name=$1

	shift
	mkdir -m 700 "$DIR/$name"
	[ "$(id -u)" -ne 0 ] || chown nobody: "$DIR/$name"
	tests_postgresql_run pg_basebackup --host="$DB_SOCKET" \
		--port="$DB_PORT" --username=root --pgdata="$DIR/$name" \
		--write-recovery-conf --checkpoint=fast --no-sync \
		>"$DIR/.basebackup" 2>&1 ||
		give_up "cannot copy the server: $(tail -n 3 "$DIR/.basebackup")"
	DB_PORT=
	postgresql_start "$name" "$@"
}

# It answers, or it has ended.
tests_postgresql_answers() {
	postgresql_sql 'SELECT 1' >/dev/null 2>&1 || ! alive "$1"
}

postgresql_stop() {
	stop "${1:-postgresql}" INT
}

# Of the one that was started, and of its children.
tests_postgresql_pids() {
	mapfile -t pids < <(pid "$1" && pgrep -P "$(pid "$1")")
}

postgresql_freeze() {
	local pids

	tests_postgresql_pids postgresql
	kill -s "$1" "${pids[@]}"
}

postgresql_kill() {
	local pids

	tests_postgresql_pids "${1:-postgresql}"
	kill -KILL "${pids[@]}" 2>/dev/null
	wait_exit "${1:-postgresql}"
	wait_for tests_are_gone "${pids[@]}"
}

postgresql_sql() {
	PGTZ=UTC psql --no-psqlrc --quiet --host="$DIR/run" --port="$DB_PORT" \
		--username=root --dbname=logs --no-align --tuples-only \
		--field-separator=$'\t' --pset=null=NULL \
		--set=ON_ERROR_STOP=1 --file=- <<<"$1"
}

postgresql_as_owner() {
	postgresql_sql "SET ROLE logs; $1"
}

postgresql_member() {
	printf "(payload->>'%s')\n" "$1"
}

postgresql_partitions() {
	sql "SELECT relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
		WHERE inhparent = 'logs'::regclass"
}

postgresql_now() {
	echo 'NOW()'
}

postgresql_payload() {
	echo 'CONCAT(payload)'
}

postgresql_as_stored() {
	printf '%s\n' "$1"
}

postgresql_instant() {
	printf "to_char(%s, 'YYYY-MM-DD HH24:MI:SS.US')\n" "$1"
}

postgresql_indexes() {
	sql "SELECT i.relname, string_agg(attname, ',' ORDER BY n)
		FROM pg_index x JOIN pg_class i ON i.oid = indexrelid,
		unnest(indkey) WITH ORDINALITY key(k, n) JOIN pg_attribute
		ON attnum = k WHERE attrelid = indrelid AND
		indrelid = 'logs'::regclass GROUP BY 1" | tr '\t' ' '
}

postgresql_constrain() {
	postgresql_sql "ALTER TABLE logs ADD CONSTRAINT picky CHECK ($1)"
}

postgresql_unconstrain() {
	postgresql_sql 'ALTER TABLE logs DROP CONSTRAINT picky'
}

# What an owner has can be taken away.
postgresql_rights() {
	if [ -n "$1" ]; then
		sql "REVOKE CREATE ON SCHEMA public FROM pg_database_owner;
			REVOKE ALL ON ALL TABLES IN SCHEMA public FROM logs;
			GRANT $1 ON ALL TABLES IN SCHEMA public TO logs"
	else
		sql "GRANT CREATE ON SCHEMA public TO pg_database_owner;
			GRANT ALL ON ALL TABLES IN SCHEMA public TO logs"
	fi
}

postgresql_password() {
	sql "ALTER ROLE logs PASSWORD '$1'"
}

postgresql_refuse() {
	sql "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
		AS \$\$ BEGIN IF $1 THEN RAISE EXCEPTION 'refused'; END IF;
		RETURN NEW; END \$\$;
		CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON logs
		FOR EACH ROW EXECUTE FUNCTION refuse()"
}

postgresql_statements() {
	sql "SELECT regexp_replace(query, '\n', ' ', 'g') FROM pg_stat_activity
		WHERE state = 'active' AND pid <> pg_backend_pid()"
}

postgresql_lock_logs() {
	# Should it be killed, the server shall notice.
	PGOPTIONS='-c client_connection_check_interval=100' \
		start locker psql --no-psqlrc --host="$DB_SOCKET" --port="$DB_PORT" \
		--username=root --dbname=logs -c 'BEGIN' \
		-c "LOCK TABLE $1 IN SHARE MODE" -c 'SELECT pg_sleep(600)'
}

postgresql_unlock_logs() {
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE query LIKE 'SELECT pg_sleep%'" >"$DIR/.unlock"
	wait_exit locker
}

postgresql_is_locked_out() {
	[ "$(sql "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = 'logs'
		AND wait_event_type = 'Lock'")" != 0 ]
}
