#!/usr/bin/env bash
# Arrays, pretty-printed objects, sequences and the like are loaded as what they
# are, in chunks too; what cannot be loaded is named, and nothing of it is loaded
# or rejected. A broken event, a hole or a line too large costs no other event.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
spool_new
e1='{"event":"e1","n":1}' e2='{"event":"e2","n":2}' e3='{"event":"e3","n":3}'

# As MySQL has them, where there is an order of its own.
in_order() {
	if [ "$DB" = mysql ]; then
		sed -E 's/("n":.),("event":"..")/\2,\1/g'
	else
		cat
	fi
}
# loads NAME CONTENT...: printf's words as a file, which has three events
loads() {
	local name=$1
	shift
	sql 'DELETE FROM logs' 2>/dev/null
	# shellcheck disable=SC2059 # it is a format
	printf "$@" >"$DIR/$name"
	load "$DIR/$name"
	is "$STATUS" 0 "$name: status 0"
	is "$(sql "SELECT line, payload FROM logs ORDER BY line" | tr -d ' ' |
		in_order | xargs -d '\n')" "1	$e1 2	$e2 3	$e3" '  its events are rows'
}

loads marked '\xef\xbb\xbf%s\n' "$e1" "$e2" "$e3"
loads array '[%s,%s, %s]' "$e1" "$e2" "$e3"
loads array-lines '[\n%s,\n%s,\n%s\n]\n' "$e1" "$e2" "$e3"
loads commas '%s,\n' "$e1" "$e2" "$e3"
loads led-by-commas '%s\n,%s\n,%s\n' "$e1" "$e2" "$e3"
loads joined '%s' "$e1" "$e2" "$e3"
loads returns '%s\r' "$e1" "$e2" "$e3"
loads sequence '\x1e%s\n' "$e1" "$e2" "$e3"
loads pretty '{\n  "event": "e%d",\r\n  "n": %d\n}\n' 1 1 2 2 3 3
loads pretty-array '[\n  {\n    "event": "e1",\n    "n": 1\n  },
  {\n    "event": "e2",\n    "n": 2\n  },\n  {\n    "event": "e3",
    "n": 3\n  }\n]\n'
sql_is "SELECT COUNT(*) FROM logs WHERE $(payload) LIKE '%
%'" 0 'line breaks became spaces'

# In chunks, packed too.
all_rows() {
	sql 'SELECT line, payload FROM logs ORDER BY line' >"$DIR/.all"
	printf '%s\t%s\n' "$(wc -l <"$DIR/.all")" "$(cksum <"$DIR/.all")"
}
events 20000 >"$DIR/a"
sql 'DELETE FROM logs'
load "$DIR/a"
want=$(all_rows)
like "$want" '^20000	' 'the lines have 20000 rows'
{ printf '[' && sed 's/$/,/' "$DIR/a" | tr -d '\n' && printf ']'; } |
	sed 's/,]$/]/' >"$DIR/long-array"
gzip -k "$DIR/long-array"
for file in long-array long-array.gz; do
	sql 'DELETE FROM logs'
	load --force --chunk 64KiB "$DIR/$file"
	is "$STATUS $(summary events)" '0 20000' "$file: all of it"
	is "$(all_rows)" "$want" '  the same rows'
done

# One that is broken, where the next can be found, and where it cannot.
printf '[\n %s,\n {"event":"x\n },\n %s,\n %s\n]\n' "$e1" "$e2" "$e3" \
	>"$DIR/broken"
load "$DIR/broken"
is "$STATUS $(summary events) $(summary rejected)" '65 3 1' \
	'a broken element is rejected by itself'
is "$(rejected line) $(rejected offset)" '2 26' '  with its place'
rm -f "$DIR"/rejected/*
printf '[%s,{"event":[1},%s]' "$e1" "$e2" >"$DIR/lost"
for run in 1 2; do
	load "$DIR/lost"
	is "$STATUS" 65 "run $run: where no next one can be found, status 65"
	like "$ERR" 'lost: at byte 22: an event is broken' '  with the place'
done
is "$(sql "SELECT events FROM log_files WHERE name LIKE 'lost@%'")" 1 \
	'what stands before is loaded, once'
is "$(rejected line)" '' 'nothing is rejected'
# A record of what only the database refuses is a line, too.
constrain "event <> 'e'"
printf '{\n  "event": "e",\r\n  "n": 1\n}{\n}' >"$DIR/refused"
load "$DIR/refused"
is "$(cat "$DIR"/rejected/refused* | wc -l) $(rejected event)" \
	'1 {"event":"e","n":1}' 'a record is one line'
rm -f "$DIR"/rejected/*

# Deeper than any event may be, and yet it has an end.
deep=$(perl -e 'print "[" x 2000, "]" x 2000')
printf '[%s,{"event":%s},%s,%s]' "$e1" "$deep" "$e2" "$e3" >"$DIR/deep"
load "$DIR/deep"
is "$STATUS $(summary events) $(rejected line)" '65 3 2' \
	'an element too deep is rejected by itself'
rm -f "$DIR"/rejected/*

# What is something else.
before=$(sql 'SELECT COUNT(*) FROM logs')
names() {
	# shellcheck disable=SC2059 # it is a format
	printf "$2" >"$DIR/other"
	load "$DIR/other"
	is "$STATUS" 65 "$1: status 65"
	like "$ERR" "$3" '  it is named'
}
names xz '\xfd7zXZ\x00\x00' 'compressed by xz, .*xz -dc'
names bzip2 'BZh91AY&SY' 'compressed by bzip2'
names lz4 '\x04\x22\x4d\x18' 'compressed by lz4'
names zip 'PK\x03\x04' 'a zip archive'
names tar "logs/%0252dustar" 'a tar archive'
names UTF-16 '\xff\xfe{\x00}\x00\n\x00' 'UTF-16'
names 'UTF-16 without a mark' '{\x00}\x00\n\x00' 'UTF-16'
names UTF-32 '\xff\xfe\x00\x00{\x00\x00\x00}\x00\x00\x00' 'UTF-32'
names 'UTF-32 without a mark' '{\x00\x00\x00}\x00\x00\x00' 'UTF-32'
names 'UTF-32, the other end first' '\x00\x00\x00{\x00\x00\x00}' 'UTF-32'
printf '\xfd7zXZ\x00\x00' >"$DIR/other"
truncate -s 200G "$DIR/other"
load "$DIR/other"
is "$STATUS" 65 'xz: its front tells, and no more is read'
names text 'Nov 22 07:33 host app: started\n' 'it is text'
{ echo 5 && yes 'no event' | head -n 2000; } >"$DIR/front"
load "$DIR/front"
is "$STATUS" 65 'a thousand bad lines at the front: status 65'
like "$ERR" 'none of its first 1000 lines is an event' '  told of'
{ echo 5 && yes "no event $(printf %0200d 0)" | head -n 2000; } >"$DIR/front"
load --chunk 64KiB "$DIR/front"
like "$STATUS $ERR" '^65 .*none of its first 1000 lines' 'in any size of chunks'
run logload --dry-run "$DIR/front"
is "$STATUS" 65 'likewise when it is only looked at'
is "$(sql 'SELECT COUNT(*) FROM logs') $(rejected line)" "$before " \
	'nothing of them is loaded, or rejected'
sql_is "SELECT COUNT(*) FROM log_files WHERE name LIKE 'other@%'" 0 \
	'the ledger does not have them'

# In a spool nothing stops, and what a spool has named is lines.
mkdir -p "$SPOOL/ready"
printf '\xfd7zXZ\x00\x00' >"$SPOOL/ready/foreign.ndjson"
{ yes 'no event' | head -n 2000 && echo "$e1"; } >"$SPOOL/ready/$(ready 1)"
printf '[%s,\n%s\n]\n' "$e1" "$e2" >"$SPOOL/ready/$(ready 2)"
once
is "$STATUS" 74 'a spool with a foreign file: status 74'
like "$ERR" 'foreign.ndjson.*compressed by xz' 'which is told of'
is "$(files ready)" 1 'and stays there alone'
is "$(ledger events,rejected | tail -n 2 | xargs)" '1 2000 1 2' \
	'others are lines, whatever they hold'
rm -rf "$SPOOL/rejected/"* "$SPOOL/ready/"*

# Holes.
{ echo "$e1" && head -c 30000000 /dev/zero && printf '%s\n{"cut' "$e2" &&
	head -c 10000000 /dev/zero && printf '%s\n' "$e3"; } >"$DIR/holes"
load "$DIR/holes"
is "$STATUS $(summary events) $(summary rejected)" '65 3 3' \
	'holes cost no event before or behind them'
is "$(rejected text | grep -c 'a hole: [13]0000000 bytes of NUL')" 2 \
	'each is one record'
is "$(find "$DIR/rejected" -name 'holes*' -size +2k)" '' 'a small one'
rm -f "$DIR"/rejected/*

# Lines over --max-event, and all limits.
{ echo "$e1" && head -c 3000000 /dev/zero | tr '\0' x && echo && echo "$e2"; } |
	gzip >"$DIR/large.gz"
load --max-event 64KiB --chunk 1MB "$DIR/large.gz"
is "$STATUS $(summary events) $(summary rejected)" '65 2 1' \
	'a line too large in a .gz is rejected by itself'
is "$(rejected raw | wc -c)" 1000001 'with as much of it as a chunk has'
rm -f "$DIR"/rejected/*

# gzip as gzip reads it.
events 2000 >"$DIR/p"
{ gzip -c "$DIR/p" && head -c 512 /dev/zero; } >"$DIR/zeros.gz"
{ gzip -c "$DIR/p" && gzip -c "$DIR/p" && echo garbage; } >"$DIR/garbage.gz"
load "$DIR/zeros.gz"
is "$STATUS $(summary events)" '0 2000' 'zeros behind the data'
like "$ERR" 'warn .*zeros follow' '  with a warning'
load "$DIR/garbage.gz"
is "$STATUS $(summary events)" '0 4000' 'garbage behind two members'
like "$ERR" 'warn .*something else follows' '  with a warning'
gzip -c "$DIR/p" | head -c 4000 >"$DIR/cut.gz"
events 200000 | zstd -qc | head -c 200000 >"$DIR/short.zst"
for file in cut.gz short.zst; do
	load "$DIR/$file"
	is "$STATUS" 74 "$file: status 74"
	like "$ERR" 'end too early; --salvage' '  names the way'
	load --salvage "$DIR/$file"
	whole=$(case $file in *.gz) gzip -dc "$DIR/$file" ;; *) zstd -qdc "$DIR/$file" ;; esac \
		2>/dev/null | grep -c '}$')
	num "$whole" -gt 100 '  there is something'
	is "$STATUS $(summary events)" "0 $whole" '  --salvage: up to the cut'
	like "$ERR" 'warn .*end too early' '  with a warning'
done
events 100 | zstd -qc | perl -0777 -pe 's/.\z/chr(255 - ord $&)/se' \
	>"$DIR/sum.zst"
load --salvage "$DIR/sum.zst"
is "$STATUS $(summary events)" '0 100' 'all that stands before a wrong checksum'
perl -e 'print "{\"x\":\"", "abcdefgh" x 125000, "\"}\n" for 1 .. 140' |
	zstd -q --long=28 >"$DIR/long.zst"
load "$DIR/long.zst"
like "$STATUS $ERR" '^74 .*--long' 'a window over 128 MiB is named'
load --long "$DIR/long.zst"
is "$STATUS $(summary events)" '0 140' 'and taken with --long'
done_testing
