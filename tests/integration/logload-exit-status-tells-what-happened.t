#!/usr/bin/env bash
# By hand, a script can tell from the status alone what to do: 0 loaded,
# 64 usage, 65 some rejected, 74 a file could not be read, 75 try again,
# 78 a human must look.
# databases: mariadb mysql postgresql sqlite
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logload-lib.sh"

db_start
events 10 >"$DIR/good"
echo 'bad' >"$DIR/bad"
bad_url=${DB_URL%%:*}://logs@127.0.0.1:1/logs
case $DB in
mariadb | mysql) away="Can't connect" missing="Unknown column 'other'" ;;
postgresql) away='onnection .*refused' missing='"other" does not exist' ;;
sqlite) bad_url=sqlite:$DIR away='unable to open' missing='no .*column.* other' ;;
esac

load "$DIR/good"
is "$STATUS" 0 '0: loaded'

for arguments in '--no-such-option x' '' '--jobs=0 x' '--chunk=1 x' \
	'--column=x=y:none x' '--db=nosuch://h/d x' '--index=none x' \
	'--spool=/tmp/x --once FILE' '--spool=/tmp/x --dry-run' \
	'--ssl-mode=no x' '--table=a.b.c x'; do
	# shellcheck disable=SC2086 # several words
	run logload --db "$DB_URL" $arguments
	is "$STATUS" 64 "64: logload $arguments"
	like "$ERR" '^logload: .+' 'with a reason'
done
run logload --db "$DB_URL"
like "$STATUS $ERR" '^64 .*: give --spool, a FILE, or - for' '64: nothing to load'
run env LOGRECV_MAX_EVENT=20MB logload --db "$DB_URL" --spool "$DIR/spool" --once
is "$STATUS" 64 '64: logrecv takes larger events'
like "$ERR" '^logload: --max-event: LOGRECV_MAX_EVENT \(20MB\) is over it' 'says so'
run logload "$DIR/good"
is "$STATUS" 64 '64: no database is named'
run logload --db mysql://logs:secret@127.0.0.1/logs "$DIR/good"
is "$STATUS" 64 '64: a password among the arguments'
like "$ERR" 'db-password-file' 'the message says what else to do'
unlike "$ERR" 'secret' 'and does not repeat it'

load "$DIR/good" "$DIR/bad"
is "$STATUS" 65 '65: some rejected'

load "$DIR/absent" "$DIR/good"
is "$STATUS" 74 '74: no such file'
is "$(summary skipped)" 1 'the other one is looked at'
mkdir "$DIR/empty"
load "$DIR/empty"
is "$STATUS" 74 '74: a directory without files'
load --rejected-dir "$DIR/absent" "$DIR/good"
is "$STATUS" 74 '74: no directory for what is rejected'

events 5 >"$DIR/new"
run logload --db "$bad_url" --wait 0s "$DIR/new"
is "$STATUS" 75 '75: the database is away'
run logload --db "$bad_url" --wait 500ms "$DIR/new"
is "$STATUS" 75 '75: after waiting'
like "$ERR" "$away" 'with the reason'

if [ "$DB" != sqlite ]; then
	LOGLOAD_DB_PASSWORD=wrong load "$DIR/new"
	is "$STATUS" 78 '78: a wrong password'
	like "$ERR" '1045|28P01' 'with the code'
fi
if [ "$away" = "Can't connect" ]; then
	run logload --db "$DB_URL" --ssl-mode=verify_ca "$DIR/new"
	is "$STATUS" 64 '64: no certificates are named'
	run env -u LOGLOAD_DB_PASSWORD logload --db "$DB_URL" "$DIR/new"
	like "$STATUS $ERR" \
		'^78 .*password: NO.* is given by LOGLOAD_DB_PASSWORD' \
		'78: none, and how one is given'
	run logload --db "${DB_URL%/logs}/other" "$DIR/new"
	is "$STATUS" 78 '78: no right to the database'
	sql 'CREATE TABLE old (a INT) ENGINE=MyISAM'
	load --table old "$DIR/new"
	is "$STATUS" 78 '78: a table without transactions'
fi
run env LOGLOAD_DB_PASSWORD_FILE="$DIR/absent" logload --db "$DB_URL" "$DIR/new"
is "$STATUS" 78 '78: no password file'
load --column other=x:bigint "$DIR/new"
is "$STATUS" 78 '78: no such column'
like "$ERR" "$missing" 'named'
is "$(summary events)" 0 'nothing is loaded'
load "$DIR/new"
is "$STATUS" 0 'and in the end 0'
is "$(rows)" 15 'all are rows'
done_testing
