# shellcheck shell=bash
#
# mariadb.sh - MariaDB for lib.sh, which tells what these are for.

# shellcheck disable=SC2034 # DB_SOCKET and the like are for the tests

# An empty server's files, made once a build folder and copied by each test.
tests_mariadb_template() {
	local template=$BUILD/tests/mariadb user=()

	mkdir -p "$BUILD/tests"
	exec 9>"$BUILD/tests/mariadb.lock"
	flock 9
	if [ ! -e "$template/made" ]; then
		rm -rf "$template"
		mkdir "$template"
		[ "$(id -u)" -ne 0 ] || user=(--user=root)
		mariadb-install-db --no-defaults "${user[@]}" --skip-test-db \
			--datadir="$template/data" --innodb-log-file-size=16M \
			--auth-root-authentication-method=normal \
			>"$DIR/.install-db" 2>&1 &&
			mariadbd --no-defaults "${user[@]}" --bootstrap \
				--datadir="$template/data" \
				--innodb-log-file-size=16M \
				>"$DIR/.bootstrap" 2>&1 <<-'SQL' &&
					FLUSH PRIVILEGES;
					DELETE FROM mysql.global_priv WHERE User = '';
					CREATE DATABASE logs;
					CREATE USER logs@'%' IDENTIFIED BY 'secret';
					GRANT ALL ON logs.* TO logs@'%';
				SQL
			: >"$template/made"
	fi
	[ -e "$template/made" ] || bail_out "cannot make a MariaDB: $(
		tail -n 5 "$DIR/.install-db" "$DIR/.bootstrap" 2>&1 | tr '\n' ' ')"
	exec 9>&-
}

mariadb_start() {
	local user=() try

	DB=mariadb
	DB_PICKY=4025
	DB_REFUSED=30001
	DB_SOCKET=$DIR/mysql.sock
	DB_FILES=$DIR/mysql
	if [ ! -d "$DIR/mysql" ]; then
		tests_mariadb_template
		cp -a --reflink=auto "$BUILD/tests/mariadb/data" "$DIR/mysql" ||
			bail_out 'cannot copy the files of MariaDB'
	fi
	[ "$(id -u)" -ne 0 ] || user=(--user=root)
	for try in 1 2 3; do
		[ -n "$DB_PORT" ] || DB_PORT=$(tests_free_port)
		start mariadb mariadbd --no-defaults "${user[@]}" \
			--datadir="$DIR/mysql" --socket="$DB_SOCKET" \
			--pid-file="$DIR/mysql.pid" --bind-address="$DB_HOST" \
			--port="$DB_PORT" --skip-name-resolve \
			--innodb-log-file-size=16M --innodb-buffer-pool-size=64M \
			"$@"
		wait_for -t 60 tests_mariadb_answers
		alive mariadb && break
		# Another one took the port between the look and the bind.
		log_since mariadb | grep -q 'Bind on TCP/IP port' || break
		DB_PORT=
	done
	alive mariadb || give_up "MariaDB does not start, try $try"
	DB_URL=mysql://logs@$DB_HOST:$DB_PORT/logs
	export LOGLOAD_DB_PASSWORD=secret
}

# It answers, or it has ended.
tests_mariadb_answers() {
	tests_mysql -e 'SELECT 1' >/dev/null 2>&1 || ! alive mariadb
}

tests_mysql() {
	mariadb --no-defaults --socket="$DB_SOCKET" --user=root --batch \
		--skip-column-names --default-character-set=utf8mb4 "$@"
}

mariadb_sql() {
	tests_mysql --database=logs --execute="$1"
}

mariadb_as_owner() {
	mariadb_sql "$1"
}

mariadb_member() {
	printf "JSON_VALUE(payload, '$.%s')\n" "$1"
}

mariadb_partitions() {
	sql "SELECT partition_name FROM information_schema.partitions
		WHERE table_schema = 'logs' AND table_name = 'logs' AND
		partition_name IS NOT NULL"
}

mariadb_now() {
	echo 'UTC_TIMESTAMP(6)'
}

mariadb_payload() {
	echo 'CONCAT(payload)'
}

mariadb_as_stored() {
	printf '%s\n' "$1"
}

mariadb_instant() {
	echo "$1"
}

mariadb_indexes() {
	sql "SELECT index_name, GROUP_CONCAT(column_name ORDER BY seq_in_index)
		FROM information_schema.statistics WHERE table_schema = 'logs' AND
		table_name = 'logs' GROUP BY index_name" | tr '\t' ' '
}

mariadb_constrain() {
	mariadb_sql "ALTER TABLE logs ADD CONSTRAINT picky CHECK ($1)"
}

mariadb_unconstrain() {
	mariadb_sql 'ALTER TABLE logs DROP CONSTRAINT picky'
}

mariadb_rights() {
	sql "REVOKE ALL ON logs.* FROM logs@'%'; GRANT ${1:-ALL} ON logs.* TO logs@'%'"
}

mariadb_password() {
	sql "ALTER USER logs@'%' IDENTIFIED BY '$1'"
}

mariadb_refuse() {
	tests_mysql --database=logs --delimiter=// -e "
		DROP TRIGGER IF EXISTS refuse //
		CREATE TRIGGER refuse BEFORE INSERT ON logs FOR EACH ROW
		IF $1 THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO=30001,
		MESSAGE_TEXT='refused'; END IF //"
}

mariadb_statements() {
	sql 'SELECT info FROM information_schema.processlist WHERE info IS NOT
		NULL AND id <> CONNECTION_ID()'
}

mariadb_lock_logs() {
	start locker mariadb --no-defaults -S "$DB_SOCKET" -u root \
		-e "LOCK TABLES $1 READ; SELECT SLEEP(600)" logs
}

mariadb_unlock_logs() {
	local id

	# One whose client has gone may be there, or not.
	for id in $(sql "SELECT id FROM information_schema.processlist
		WHERE info LIKE 'SELECT SLEEP%'"); do
		sql "KILL $id"
	done
	wait_exit locker
}

mariadb_is_locked_out() {
	tests_has_statement '^(INSERT INTO|LOAD DATA LOCAL INFILE .*) .?logs'
}

mariadb_stop() {
	stop mariadb
}

mariadb_freeze() {
	kill -s "$1" "$(pid mariadb)"
}

mariadb_kill() {
	kill_hard mariadb
}

mariadb_mycnf() {
	cat >"$HOME/.my.cnf" <<-CONF
		[client]
		socket=$DB_SOCKET
		user=logs
		password=secret
	CONF
	chmod 600 "$HOME/.my.cnf"
}
