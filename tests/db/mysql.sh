# shellcheck shell=bash
#
# mysql.sh - MySQL for lib.sh, which tells what these are for. Debian has none:
# its programs are taken out of an image of Docker, with the libraries that they
# need, once a build folder, and run here as any others.

# shellcheck disable=SC2034 # DB_SOCKET and the like are for the tests

tests_mysql_image=${MYSQL_IMAGE:-mysql:9.7}

# tests_mysql_copy INTO: what mysqld is made of
tests_mysql_copy() {
	local into=$1 container file

	mkdir -p "$into/lib"
	container=$(docker create "$tests_mysql_image") || return 1
	for file in $(docker run --rm --network none --entrypoint sh \
		"$tests_mysql_image" -c 'program=$(command -v mysqld)
			echo "$program"; ldd "$program" | grep -o "/[^ ]*"'); do
		docker cp -q -L "$container:$file" "$into/lib" || break
	done
	docker rm "$container" >/dev/null
	mv "$into/lib/mysqld" "$into/"
}

# Its programs, and an empty server's files, which each test copies.
tests_mysql_template() {
	local template=$BUILD/tests/mysql

	mkdir -p "$BUILD/tests"
	exec 9>"$BUILD/tests/mysql.lock"
	flock 9
	if [ ! -e "$template/made" ]; then
		docker image inspect "$tests_mysql_image" >"$DIR/.docker" 2>&1 ||
			skip_all "no MySQL here: $(tail -n 1 "$DIR/.docker")"
		rm -rf "$template"
		mkdir "$template"
		cat >"$DIR/.users" <<-'SQL'
			CREATE DATABASE logs;
			CREATE USER logs@'%' IDENTIFIED BY 'secret';
			GRANT ALL ON logs.* TO logs@'%';
		SQL
		tests_mysql_copy "$template" >"$DIR/.docker" 2>&1 &&
			tests_mysqld --initialize-insecure \
				--datadir="$template/data" \
				--init-file="$DIR/.users" \
				>"$DIR/.initialize" 2>&1 &&
			: >"$template/made"
	fi
	[ -e "$template/made" ] || bail_out "cannot make a MySQL: $(
		tail -n 5 "$DIR/.docker" "$DIR/.initialize" 2>&1 | tr '\n' ' ')"
	exec 9>&-
}

# Prints the words that begin a mysqld, and its options that are always there.
tests_mysqld_words() {
	local lib=$BUILD/tests/mysql/lib

	printf '%s\n' "$lib"/ld-linux* --library-path "$lib" \
		"$BUILD/tests/mysql/mysqld" --no-defaults \
		--innodb-redo-log-capacity=16M --innodb-buffer-pool-size=64M \
		--mysqlx=OFF --secure-file-priv=''
	[ "$(id -u)" -ne 0 ] || echo --user=root
}

tests_mysqld() {
	local words

	mapfile -t words < <(tests_mysqld_words)
	"${words[@]}" "$@"
}

mysql_start() {
	local words try

	DB=mysql
	DB_PICKY=3819
	DB_REFUSED=30001
	DB_SOCKET=$DIR/mysql.sock
	DB_FILES=$DIR/mysql
	if [ ! -d "$DB_FILES" ]; then
		tests_mysql_template
		cp -a --reflink=auto "$BUILD/tests/mysql/data" "$DB_FILES" ||
			bail_out 'cannot copy the files of MySQL'
	fi
	mapfile -t words < <(tests_mysqld_words)
	for try in 1 2 3; do
		[ -n "$DB_PORT" ] || DB_PORT=$(tests_free_port)
		start mysql "${words[@]}" --datadir="$DB_FILES" \
			--socket="$DB_SOCKET" --pid-file="$DIR/mysql.pid" \
			--bind-address="$DB_HOST" --port="$DB_PORT" \
			--skip-name-resolve --local-infile=1 "$@"
		wait_for -t 60 tests_mysql_answers
		alive mysql && break
		# Another one took the port between the look and the bind.
		log_since mysql | grep -q 'Bind on TCP/IP port' || break
		DB_PORT=
	done
	alive mysql || give_up "MySQL does not start, try $try"
	DB_URL=mysql://logs@$DB_HOST:$DB_PORT/logs
	export LOGLOAD_DB_PASSWORD=secret
}

tests_mysql_answers() {
	tests_mysql -e 'SELECT 1' >/dev/null 2>&1 || ! alive mysql
}

mysql_stop() {
	stop mysql
}

mysql_freeze() {
	kill -s "$1" "$(pid mysql)"
}

mysql_kill() {
	kill_hard mysql
}

# It keeps the values of JSON, and not its text.
mysql_as_stored() {
	local quote="'" json=${1//\\/\\\\}

	sql "SELECT CAST('${json//$quote/$quote$quote}' AS JSON)"
}

# A server without its components remembers the last one that came.
mysql_password() {
	mariadb_password "$1"
	mariadb --no-defaults --socket="$DB_SOCKET" --user=logs \
		--password="$1" --execute='SELECT 1' >"$DIR/.password"
}

# All else is as with MariaDB.
for tests_function in sql as_owner member payload instant now constrain \
	unconstrain refuse indexes rights statements lock_logs \
	unlock_logs is_locked_out partitions; do
	eval "mysql_$tests_function() { mariadb_$tests_function \"\$@\"; }"
done
