#!/usr/bin/env bash
# Through ODBC any database is served: with each of Debian's drivers, whatever
# is killed, each event is a row once, or a record in rejected/ with the reason.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

column=(--column 'n=n:bigint' --column 'id=id:varchar(9)')

progressed() {
	[ "$(sql 'SELECT MAX(progress) FROM log_files' || echo 0)" -gt "$1" ] \
		2>/dev/null || ! alive logload
}

once_each() { # N NAME
	sql_is 'SELECT COUNT(*), COUNT(DISTINCT line) FROM logs' "$1	$1" "$2"
}

# As it is: MariaDB's client has escapes, and the locale's encoding.
raw() {
	case $ODBC in
	mariadb) tests_mysql --raw --default-character-set=utf8mb4 \
		--database=logs --execute="$1" ;;
	*) sql "$1" ;;
	esac
}

anew() {
	sql 'DELETE FROM logs; DELETE FROM log_files'
	rm -f "$SPOOL"/*/*.ndjson "$DIR"/rejected/*
}

through() {
	local kills=0 progress=0 size

	ODBC=$1
	note "--- $ODBC"
	DB=odbc
	unset LOGLOAD_DB_PASSWORD
	DB_PORT=
	db_start
	spool_new
	mkdir -p "$SPOOL/ready"

	# The tables are the user's.
	events 3 >"$SPOOL/ready/$(ready 1)"
	sql 'DROP TABLE logs'
	once
	is "$STATUS/$(files ready)" 78/1 'no table: the configuration'
	like "$ERR" 'table logs .*--print-schema' 'which says how it is made'
	logload --db "$DB_URL" "${column[@]}" --print-schema >"$DIR/schema"
	sed -i "s/\"level\" VARCHAR(16) NULL/\"level\" VARCHAR(16) CHECK (\"level\" <> 'bad')/" \
		"$DIR/schema"
	odbc_as_owner "$(cat "$DIR/schema")"
	sql 'CREATE UNIQUE INDEX logs_id ON logs (id)'
	once "${column[@]}"
	is "$STATUS/$(rows)" 0/3 'then all is loaded'

	# Killed in the midst of a load.
	anew
	events 10000 >"$SPOOL/ready/$(ready 1)"
	size=$(stat -c %s "$SPOOL/ready/$(ready 1)")
	while [ "$kills" -lt 4 ]; do
		logload_start --chunk 64KiB "${column[@]}"
		wait_for progressed "$progress"
		alive logload || break
		kill_hard logload
		kills=$((kills + 1))
		progress=$(sql 'SELECT MAX(progress) FROM log_files')
		[ "$progress" -lt "$size" ] || break
	done
	num "$kills" -ge 2 "killed $kills times within the file"
	once "${column[@]}"
	is "$STATUS/$(files ready)" 0/0 'and then to its end'
	once_each 10000 'each event is a row, once'
	is "$(ledger events,progress | xargs)" "10000 $size" 'the ledger has it all'

	# One in a hundred is refused.
	anew
	events 5000 | sed 's/"id":"e[0-9]*00",/"id":"e0",/
		s/"n":\([0-9]*50\)}/"n":\1,"level":"bad"}/' >"$SPOOL/ready/$(ready 2)"
	once "${column[@]}"
	is "$STATUS/$(rows)" 0/4901 'those that are refused are singled out'
	is "$(rejected line | wc -l)/$(rejected line | sort -n | tail -n 1)" \
		99/4951 'and are records'
	is "$(rejected code | sort | uniq -c | xargs)" "$2" 'with the code'
	is "$(rejected text | grep -ciE 'unique|duplicate|check|constraint')" 99 \
		'and the reason'
	# What the ledger does not know any more is there by the rows' own key.
	sql 'DELETE FROM log_files'
	events 1000 | sed 's/"id":"e[0-9]*00",/"id":"e0",/
		s/"n":\([0-9]*50\)}/"n":\1,"level":"bad"}/' >"$SPOOL/ready/$(ready 2)"
	rm -f "$SPOOL"/loaded/* "$SPOOL"/rejected/*
	once "${column[@]}"
	is "$STATUS/$(rows)/$(ledger events,rejected | xargs)" '0/4901/981 19' \
		'the same event is not stored twice, but counted'

	# Values are what they were, to the byte.
	anew
	{
		printf '{"a":"\\u0000\\ud83c\\udf31","id":"\xf0\x9f\x8c\xb1\xc3\xa9\x27\\\\","n":-9223372036854775808}\n'
		perl -e 'printf "{\"id\":\"long\",\"b\":\"%s\"}\n", "\xc3\xa4x" x 1000000'
		printf '{"id":"nul\\u0000","n":1}\n'
		printf '{"id":"\xf0\x9f\x8c\xb1\xf0\x9f\x8c\xb1\xf0\x9f\x8c\xb1\xf0\x9f\x8c\xb1\xf0\x9f\x8c\xb1\xf0\x9f\x8c\xb1\xf0\x9f\x8c\xb1\xf0\x9f\x8c\xb1\xf0\x9f\x8c\xb1","time":"2026-11-22T07:33:51.000001Z"}\n'
		printf '{"id":"","n":9223372036854775807}\n'
		printf '{"id":"blanks  ","n":1e3}\n'
	} >"$SPOOL/ready/$(ready 3)"
	cp "$SPOOL/ready/$(ready 3)" "$DIR/values"
	once "${column[@]}"
	is "$STATUS/$(rows)/$(rejected line)" 0/5/3 'a NUL in a column is no text'
	is "$(raw 'SELECT payload FROM logs ORDER BY line' | cksum)" \
		"$(sed 3d "$DIR/values" | cksum)" 'a payload is the text as it came'
	is "$(raw 'SELECT id, n FROM logs ORDER BY line')" "$(printf '%s\t%s\n' \
		$'\xf0\x9f\x8c\xb1\xc3\xa9\'\\' -9223372036854775808 long NULL \
		"$(printf '\xf0\x9f\x8c\xb1%.0s' {1..9})" NULL '' \
		9223372036854775807 'blanks  ' 1000)" 'and a column its value'
	like "$(sql 'SELECT occurred_at FROM logs WHERE line = 4')" \
		'^2026-11-22 07:33:51\.000001' 'an instant to the microsecond'
	tables_are_found
	two_load
	blanks_are_kept
	if [ "$ODBC" = sqlite ]; then other_writes; else server_dies; fi
	if [ "$ODBC" = postgresql ]; then
		info_is_told
		rights_are_missed
	fi
	events 1 >"$SPOOL/ready/$(ready 5)"
	case $ODBC in
	sqlite)
		sed 's/"id" VARCHAR(9)/"id" INTEGER/' "$DIR/schema" >"$DIR/changed"
		odbc_as_owner "$(cat "$DIR/changed")"
		refuses '' 'column id, which makes "0" of "000000000"'
		;;
	mariadb)
		refuses 'ALTER TABLE logs MODIFY n FLOAT' \
			'column n, which makes "4.6.*" of "4611686018427387905"'
		refuses 'ALTER TABLE logs ENGINE=MyISAM' \
			'table logs has no transactions'
		refuses 'ALTER TABLE log_files MODIFY name VARCHAR(255)
			COLLATE utf8mb4_general_ci' 'the ledger has a line of the file'
		;;
	postgresql)
		refuses 'DELETE FROM logs; ALTER TABLE logs ADD extra int NOT NULL' \
			'column extra, which is NOT NULL, has no default'
		sql 'ALTER TABLE logs DROP extra'
		column+=(--unique 'id,n')
		refuses '' 'no unique key of id,n, which --unique asks for'
		column=("${column[@]:0:4}")
		refuses 'ALTER TABLE logs ALTER received_at TYPE timestamp(0)' \
			'received_at has to hold microseconds'
		refuses 'ALTER TABLE log_files ALTER progress TYPE real' \
			'log_files changes large numbers'
		refuses 'ALTER TABLE log_files DROP CONSTRAINT log_files_pkey,
			DROP CONSTRAINT log_files_name_key' 'found 2 lines of the id'
		;;
	esac
	"${ODBC}_stop"
}

# The driver tells which tables there are: one that is there keeps its events,
# and those of days gone by are dropped.
tables_are_found() {
	local of=(--ledger of_files --table-other of_other)

	printf '{"event":"%s"}\n' a b c >"$DIR/three"
	"${ODBC}_as_owner" "$(logload --db "$DB_URL" "${of[@]}" \
		--table 'of_{event}' --tables "a,b,20260101,x20260101,$(
			date -u -r "$DIR/three" +%Y%m%d)" --print-schema |
		tests_odbc_adapt)"
	load "${of[@]}" --table 'of_{event}' --tables '?' --tables-max 1 \
		"$DIR/three"
	is "$STATUS $(for table in of_a of_b of_other; do
		sql "SELECT COUNT(*) FROM $table"
	done | xargs)" '0 1 1 1' 'a table that is there keeps its events'
	load "${of[@]}" --table 'of_%Y%m%d' --retain 30d "$DIR/three"
	is "$STATUS $(grep -o 'dropped the table [^,]*' <<<"$ERR")" \
		'0 dropped the table of_20260101' 'one of a day gone by goes'
}

# Of the same files: neither waits for the other for long, in silence.
two_load() {
	local first=$SPOOL

	anew
	for n in 1 2 3 4; do
		events 3000 "${n}0000" >"$SPOOL/ready/$(ready "1$n")"
	done
	spool_new
	mkdir -p "$SPOOL/ready"
	cp "$first"/ready/* "$SPOOL/ready"
	start other logload --db "$DB_URL" --spool "$first" --jobs 2 \
		--chunk 64KiB "${column[@]}"
	logload_start --chunk 64KiB --jobs 2 "${column[@]}"
	ok 'one of two loaders has all' wait_for -t 30 no_files ready
	stop logload
	SPOOL=$first
	ok 'and so has the other' wait_for -t 30 no_files ready
	stop other
	sql_is 'SELECT COUNT(*), COUNT(DISTINCT id) FROM logs' '12000	12000' \
		'each event is a row, once'
}

# One that is not a loader has the lock, for as long as it likes.
other_writes() {
	anew
	logload_start "${column[@]}"
	wait_log logload ready
	lock_logs
	wait_for test -e "$DIR/.held"
	events 10 >"$DIR/put" && mv "$DIR/put" "$SPOOL/ready/$(ready 1)"
	ok 'another writes: that is told' wait_log logload 'database is locked'
	stop logload
	is "$STATUS/$(rows)" 0/0 'a signal is heard meanwhile'
	unlock_logs
	once "${column[@]}"
	is "$STATUS/$(rows)" 0/10 'and then all is loaded'
}

# What a driver says beside a success is told, if it is of no consequence.
info_is_told() {
	anew
	postgresql_as_owner "CREATE FUNCTION tell() RETURNS trigger
		LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''beside''; RETURN NEW; END';
		CREATE TRIGGER tell BEFORE INSERT ON logs FOR EACH ROW
		EXECUTE FUNCTION tell()"
	events 300 >"$SPOOL/ready/$(ready 9)"
	once "${column[@]}"
	is "$STATUS/$(rows)" 0/300 'a warning is no error'
	is "$(grep -c 'warn .*the driver says: .*beside' <<<"$ERR")" 1 'it is told'
	postgresql_as_owner 'DROP TRIGGER tell ON logs'
}

# What is too long for its column only by blanks is not cut without a word; and
# a width that the driver only makes up is none.
blanks_are_kept() {
	local pad

	pad=$(printf 'a%.0s' {1..251})
	case $ODBC in
	mariadb) sql 'ALTER TABLE logs MODIFY level TINYTEXT' ;;
	postgresql)
		sql 'ALTER TABLE logs ALTER level TYPE varchar(4);
			ALTER TABLE logs ALTER id TYPE varchar'
		;;
	esac
	anew
	{
		events 300
		[ "$ODBC" = mariadb ] || pad=
		printf '{"level":"%sinfo  "}\n{"level":"%sinf "}\n{"id":"%300s"}\n' \
			"$pad" "$pad" ' '
	} >"$SPOOL/ready/$(ready 6)"
	once --column "id=id:varchar(400)" --column "n=n:bigint" \
		--column level=level:text
	case $ODBC in
	mariadb) is "$(rows)/$(rejected line | xargs)" '301/301 303' 'not cut' ;;
	postgresql) is "$(rows)/$(rejected line)" 302/301 'nor cut' ;;
	sqlite) is "$(rows)" 303 'here nothing is too long' ;;
	esac
	rm -f "$DIR"/rejected/*
}

# The way that rows go is not given up for a right that is missing; nor is a
# password read in some other way.
rights_are_missed() {
	anew
	postgresql_as_owner "ALTER ROLE logs PASSWORD 's+%41}'"
	export LOGLOAD_DB_PASSWORD='s+%41}'
	logload_start --log-level debug "${column[@]}"
	events 3 >"$SPOOL/ready/$(ready 7)"
	ok 'any password is taken as it is' wait_for no_files ready
	sql 'REVOKE INSERT ON logs FROM logs'
	events 3 | sed 's/"e/"f/' >"$SPOOL/ready/$(ready 8)"
	wait_log logload 'permission denied'
	sql 'GRANT INSERT ON logs TO logs'
	stop logload
	unlike "$(log_since logload)" 'cannot tell' 'the way is not to blame'
	once "${column[@]}"
	is "$STATUS/$(rows)" 0/6 'with the right all is loaded'
}

refuses() { # STATEMENT REGEX
	[ -z "$1" ] || sql "$1"
	once "${column[@]}"
	is "$STATUS/$(files ready)" 78/1 'into such tables nothing is loaded'
	like "$ERR" "$2" "for $2"
}

server_dies() {
	anew
	events 10000 >"$SPOOL/ready/$(ready 4)"
	logload_start --chunk 64KiB --rate 3000 "${column[@]}"
	wait_for progressed 1
	db_kill
	ok 'the server dies: that is told' wait_log logload ' (warn|error) '
	db_start
	ok 'it is back, and all is loaded' wait_for no_files ready
	stop logload
	once_each 10000 'each event is a row, once'
}

through mariadb '99 23000'
through postgresql '49 23505 50 23514'
through sqlite '99 HY000'

# A password is for nobody to see.
run logload --db 'odbc:DSN=x;UID=u;PWD={se}}cret}' "$DIR/values"
is "$STATUS" 64 'no password is an argument'
unlike "$ERR" 'cret' 'nor told'
run env LOGLOAD_DB='odbc:DSN=none;UID=u;Pwd=secret' logload --wait 0 "$DIR/values"
is "$STATUS" 78 'but one may be in a variable'
like "$ERR" '\(IM002\)' 'there is no such data source'
unlike "$ERR$OUT" 'secret' 'which is told without it'
run logload --wait 0 --db odbc:Driver=nodriver "$DIR/values"
is "$STATUS" 78 'a driver that is not there will not come by itself'
like "$ERR" "Can't open lib 'nodriver'" 'which is named'
done_testing
