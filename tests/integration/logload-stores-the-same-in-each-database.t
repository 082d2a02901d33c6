#!/usr/bin/env bash
# The same odd file, by each way into each database: the same rows, and the same
# events refused, with the same places of theirs. What is compared is text, and
# this is what databases have to differ in:
#
#	column      MariaDB         PostgreSQL      SQLite       compared
#	instants    DATETIME(6)     TIMESTAMPTZ(6)  TEXT         UTC, six digits
#	d           DOUBLE          DOUBLE          REAL         %.17g, and no -0
#	b           BOOLEAN, 1, 0   t, f            INTEGER      1, 0
#	n           DECIMAL(20,4)   NUMERIC(20,4)   TEXT         no 0 at its end
#	texts       may hold a NUL  may not         may          their bytes
#	payload     32 deep, no     the text        the text     the text; see the
#	            lone surrogate                               end for the rest
#
# MySQL keeps the values of JSON, and not its text: so these are compared.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

columns=(--column 'i=i:bigint' --column 'd=d:double' --column 'b=b:boolean'
	--column 't=t:datetime' --column 'u=u:bigint' --column 'w=w:varchar(5)'
	--column 'n=n:decimal(20,4)' --column 'q=q:unsigned' --column 'a=a:ip'
	--column 'g=g:uuid' --column 'j=j:json')

perl -e '
	my $blanks = " " x 70;
	print <<"NDJSON";
{"event":"plain","level":"info","user_id":7}
{"event":"it\x27s \\"quoted\\" \\\\ and \\\\n","user_id":"a\\tb\\nc\\r"}
{"event":"\\u0001\\u0002\\u001f\\u007f","level":"\\u0008","x":"\\u0000"}
{"event":"\\ud83d\\ude00 \xc3\xa9 \xf0\x9f\x98\x80","level":"\xc3\xbcn\xc3\xafc\xc3\xb6d\xc3\xa9-16-chars"}
{"event":null,"level":true,"user_id":-1.5e3}
{"event":["x"],"level":{"a":1},"user_id":"\\\\."}
{"event":"N","level":"\\\\N","user_id":"NULL"}
	{ "event" :	"white space" , "a":[ 1 , 2 ] }  
{"timestamp":"2026-11-22T09:00:00.5+02:00","event":"e"}
{"timestamp":1763796831123,"event":"x\x27); DROP TABLE logs; --"}
{"event":"","level":"","user_id":"","w":""}
{}
{"event":"twice","event":"the last","@received_at":"1999-01-01T00:00:00.5Z"}
{"ev\\u0065nt":"an escaped name","\\u0069":3}
{"event":"%","level":"_","user_id":"\\\\%","w":"\\"\x27`"}
{"w":"abcd "}
{"w":"abc   "}
{"w":"     "}
{"w":"$blanks"}
{"w":"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80"}
{"w":"e\xcc\x81e\xcc\x81e"}
{"event":"e$blanks"}
{"i":9223372036854775807}
{"i":9223372036854775808}
{"i":-9223372036854775808}
{"i":"12","d":"12","b":"true"}
{"i":1.0,"d":1e2,"b":1}
{"i":1e3,"d":-0.0,"b":false}
{"i":1.5,"d":0.1,"b":"yes"}
{"i":true,"d":1.7976931348623157e308,"b":null}
{"i":"0x10","d":2.2250738585072014e-308}
{"d":123456789012345678}
{"d":0.30000000000000004}
{"d":"-1.2345678901234567e-5"}
{"d":-6.9932580348055168e-298,"n":1.5}
{"n":"1234567890123456.7891","q":9223372036854775807}
{"n":-0.0001,"q":0,"j":{"b":1, "a":[1.0,"\\u00e9"]}}
{"n":0.00005,"q":-1,"j":"text"}
{"n":12345678901234567,"q":1.5,"j":null}
{"a":"10.0.0.1","g":"123E4567-e89b-12d3-A456-426614174000"}
{"a":"2001:DB8:0:0::0001","g":"123e4567e89b12d3a456426614174000"}
{"a":"::ffff:1.2.3.4","g":"{123e4567-e89b-12d3-a456-426614174001}"}
{"a":"10.0.0.256","g":"123e4567"}
{"t":"1000-01-01T00:00:00Z"}
{"t":"9999-12-31T23:59:59.999999Z"}
{"t":"2026-02-30T00:00:00Z"}
{"t":"2016-12-31T23:59:60Z"}
{"t":"1969-12-31T23:59:59.999999Z"}
{"t":1e9}
{"u":1}
{"u":2}
{"event":"is there already","u":1}
{"user_id":"refused"}
{"user_id":"refused","u":3}
{"u":3}
{"big":123456789012345678901234567890,"small":1e-400,"w":"n"}
[1,2]
"text"
{"broken":
{"event":"after"}
NDJSON
	print qq({"event":"), "x" x $_, qq("}\n) for 63, 64, 65;
	print qq({"event":"deep","x":), "[" x 30, "]" x 30, "}\n";
	print qq({"event":"crlf"}\r\n{"not":"\xff UTF-8"}\n\n   \n);
	print qq({"event":"large","x":"), "y" x 100_000, qq("}\n);
' >"$DIR/few.ndjson"
# So often that they are many, of which some are refused.
for _ in {1..30}; do cat "$DIR/few.ndjson"; done >"$DIR/many.ndjson"
touch -d 2026-11-22T10:00:00.25Z "$DIR"/{few,many}.ndjson

# Its rows without what must differ: WAY
dump() {
	"${DB}_rows" "$1" | perl -F'\t' -lane '
		for ($F[8]) {
			next if $_ eq "NULL";
			$_ = unpack "d>", pack "H*", $1 if /^0x(.*)/;
			$_ = sprintf "%.17g", $_ == 0 ? 0 : $_;
		}
		$F[9] =~ tr/tf/10/;
		$F[13] =~ s/\.?0+$// if $F[13] =~ /\./;
		print join "\t", @F' | sort
}
mariadb_rows() {
	sql "SELECT file.size, line, received_at, occurred_at, HEX(event),
		HEX(level), HEX(user_id), i, d, b, t, u, HEX(w), n, q, a, g,
		HEX(j), HEX(payload)
		$(files_of "$1")"
}
mysql_rows() {
	mariadb_rows "$1"
}
postgresql_rows() {
	local at='YYYY-MM-DD HH24:MI:SS.US'

	sql "SELECT file.size, line, to_char(received_at, '$at'),
		to_char(occurred_at, '$at'), $(hex event), $(hex level),
		$(hex user_id), i, d, b, to_char(t, '$at'), u, $(hex w),
		n, q, host(a), g, $(hex j::text), $(hex payload::text)
		$(files_of "$1")"
}
hex() {
	printf "upper(encode(convert_to(%s, 'UTF8'), 'hex'))" "$1"
}
sqlite_rows() {
	sql "SELECT file.size, line, received_at, occurred_at,
		iif(event IS NULL, NULL, hex(event)),
		iif(level IS NULL, NULL, hex(level)),
		iif(user_id IS NULL, NULL, hex(user_id)), i,
		iif(d IS NULL, NULL, '0x'||hex(ieee754_to_blob(d))), b, t, u,
		iif(w IS NULL, NULL, hex(w)), n, q, a, g,
		iif(j IS NULL, NULL, hex(j)), hex(payload) $(files_of "$1")"
}
# The table's files, numbered by their size.
files_of() {
	local quote='"'

	[ "${DB#m}" = "$DB" ] || quote='`'
	printf '%s' "FROM $1 JOIN (SELECT id, bytes size FROM log_files
		WHERE ${quote}table$quote = '$1') file ON file.id = file_id"
}

# Its records without the words of the database: WAY
refusals() {
	find "$DIR/rejected.$1" -type f -print0 | sort -z | xargs -0 cat |
		perl -ne '/^\{"file":".*?(few|many)\.ndjson.*?",("line".*?)
			"file_id":.*?,"rejected_at":"[^"]*",(.*)/x
			and print "$1 $2 $3\n" or print "no record: $_"' | sort
}

# take_way WAY: both files into a table of its own.
take_way() {
	way=$1
	mkdir "$DIR/rejected.$way"
	load --table "$way" "${columns[@]}" --rejected-dir "$DIR/rejected.$way" \
		"$DIR"/{few,many}.ndjson
	is "$STATUS" 65 "$way: some are rejected"
	dump "$way" >"$DIR/$way.rows"
	refusals "$way" >"$DIR/$way.refused"
}
take() {
	take_way "$1"
	if [ -z "${first:-}" ]; then
		first=$way
		num "$(wc -l <"$DIR/$way.rows")" -gt 1400 "$way: there are rows"
		num "$(wc -l <"$DIR/$way.refused")" -gt 200 "$way: and records"
		return
	fi
	ok "$way: the same rows as by $first" same rows
	ok "$way: and the same are refused" same refused
}
same() {
	diff "$DIR/$first.$1" "$DIR/$way.$1" | cut -c 1-300
	return "${PIPESTATUS[0]}"
}

# And what must differ: which of these are rows?
{
	echo '{"event":"nul","x":"\u0000"}'
	echo '{"event":"n\u0000l"}'
	echo '{"event":"surrogate","x":"\ud800"}'
	perl -e 'for (40, 110) { print qq({"event":"deep $_","x":),
		"[" x $_, "]" x $_, "}\n" }'
} >"$DIR/apart.ndjson"
apart() {
	load --table apart "$DIR/apart.ndjson"
	is "$(sql 'SELECT line FROM apart ORDER BY 1' | xargs)" "$1" \
		"$DB: what it can store"
}

# --- MariaDB, by arrays, by LOAD DATA, by INSERT

limits="ALTER TABLE %s ADD CONSTRAINT %s CHECK (user_id <> 'refused')"
limit() { # TABLE
	# shellcheck disable=SC2059
	sql "$(printf "$limits" "$1" "fair_$1")"
	sql "CREATE UNIQUE INDEX once_$1 ON $1 (u)"
}

mariadb_start --log-bin="$DIR/binlog" --server-id=1 --binlog-format=ROW
counted() { sql "SHOW GLOBAL STATUS LIKE '$1'" | cut -f 2; }
make_tables --table arrays "${columns[@]}"
limit arrays
sql 'CREATE TABLE load_data LIKE arrays; CREATE TABLE inserts LIKE arrays'
take arrays
num "$(counted Com_stmt_execute)" -gt 0 'by arrays'
sql 'SET GLOBAL binlog_format=STATEMENT'
take load_data
loads=$(counted Com_load)
num "$loads" -gt 0 'by LOAD DATA'
sql 'SET GLOBAL local_infile=0'
take inserts
is "$(counted Com_load)" "$loads" 'by INSERT'
apart '1 2'
db_stop

# --- PostgreSQL, by COPY

DB_PORT=
postgresql_start
make_tables --table copy "${columns[@]}"
limit copy
take copy
apart '1 3 4 5'
db_stop

# --- SQLite

sqlite_start
make_tables --table sqlite "${columns[@]}"
sql "CREATE TRIGGER fair BEFORE INSERT ON sqlite WHEN NEW.user_id = 'refused'
	BEGIN SELECT RAISE(ABORT, 'refused'); END;
	CREATE UNIQUE INDEX once ON sqlite (u)"
take sqlite
apart '1 2 3 4 5'
db_stop

# --- MySQL, of which the values of JSON are compared

# WAY: its rows, but for numbers that MySQL rounds
values() {
	perl -MJSON::PP -MScalar::Util=looks_like_number -F'\t' -lane '
		sub plain {
			my ($v) = @_;
			return [map { plain($_) } @$v] if ref $v eq "ARRAY";
			return {map { $_ => plain($v->{$_}) } keys %$v}
			    if ref $v eq "HASH";
			return looks_like_number($v) ? sprintf "%.17g",
			    $v == 0 ? 0 : $v : $v;
		}
		my $json = JSON::PP->new->utf8->canonical->allow_nonref;
		for (@F[-2, -1]) { # j and the payload
			next if $_ eq "NULL";
			my $v = plain($json->decode(pack "H*", $_));
			delete @$v{qw(big small)} if ref $v eq "HASH";
			$_ = $json->encode($v);
		}
		print join "\t", @F' "$DIR/$1.rows" | sort
}

if docker image inspect mysql:9.7 >/dev/null 2>&1; then
	DB_PORT=
	rm -rf "$DIR/mysql" # MariaDB's
	mysql_start
	make_tables --table mysql_load_data "${columns[@]}"
	limit mysql_load_data
	sql 'CREATE TABLE mysql_inserts LIKE mysql_load_data'
	values "$first" >"$DIR/$first.values"
	take_values() {
		take_way "$1"
		values "$1" >"$DIR/$1.values"
		ok "$1: the same values as by $first" same values
		ok "$1: and the same are refused" same refused
	}
	take_values mysql_load_data
	loads=$(counted Com_load)
	num "$loads" -gt 0 'by LOAD DATA'
	sql 'SET GLOBAL local_infile=0'
	take_values mysql_inserts
	is "$(counted Com_load)" "$loads" 'by INSERT'
	apart '1 2 4'
else
	pass 'mysql # SKIP no image mysql:9.7 of Docker'
fi
done_testing
