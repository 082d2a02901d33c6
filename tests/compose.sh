#!/usr/bin/env bash
#
# compose.sh - the whole pipeline under Docker Compose, against a real MySQL, and
# in short against PostgreSQL and SQLite, from a copy of this checkout and as a
# project of its own. Needs a Docker engine; talks TAP (`prove tests/compose.sh`);
# takes four to six minutes, most of it to build the images; removes all that it
# made.
#
#	COMPOSE_RATE=200 COMPOSE_DURATION=10s   the load that must be held
. "$(dirname "$0")/lib.sh"

docker info >/dev/null 2>&1 || skip_all 'no Docker engine answers'
docker compose version >/dev/null 2>&1 || skip_all 'no docker compose'

rate=${COMPOSE_RATE:-200}
duration=${COMPOSE_DURATION:-10s}
copy=$DIR/logs-test-$$
export COMPOSE_PROJECT_NAME=${copy##*/}

# What lib.sh chose is no address of the container, whose health check asks there.
unset LOGRECV_ADMIN_LISTEN

tidy_up() {
	local status=$?

	trap '' HUP INT TERM
	if [ "$tests_failed" -gt 0 ] || [ -z "$tests_done" ]; then
		diag "--- the end of the services' logs"
		docker compose logs --no-color --tail 40 2>&1 | sed 's/^/# /' >&2
		tests logs --no-color --tail 40 2>&1 | sed 's/^/# /' >&2
	fi
	tests down --volumes --rmi local --timeout 1 >/dev/null 2>&1
	docker compose down --volumes --rmi local --timeout 5 \
		--remove-orphans >/dev/null 2>&1
	(exit "$status")
	tests_end
}
trap tidy_up EXIT

# The second file's commands
tests() {
	docker compose -f docker-compose.test.yml "$@"
}

# inspect TEMPLATE SERVICE: what docker inspect says of its containers
inspect() {
	# shellcheck disable=SC2046
	docker inspect --format "$1" $(docker compose ps --all --quiet "$2")
}

healthy() {
	[ "$(inspect '{{.State.Health.Status}}' "$1" 2>/dev/null |
		sort -u)" = healthy ]
}

both_healthy() {
	healthy db && healthy app
}

# query STATEMENT: as the user that logload is
query() {
	# shellcheck disable=SC2016
	docker compose exec -T db sh -c 'exec mysql --batch \
		--skip-column-names --user=logs \
		--password="$(cat /run/secrets/db_password)" \
		--execute="$1" logs' - "$1" 2>/dev/null </dev/null
}

is_row() {
	[ "$(query "SELECT COUNT(*) FROM logs WHERE
		JSON_UNQUOTE(JSON_EXTRACT(payload, '\$.id')) = '$1'")" = 1 ]
}

any_row() {
	[ "$(query "SELECT COUNT(*) FROM logs WHERE
		JSON_UNQUOTE(JSON_EXTRACT(payload, '\$.id')) LIKE '$1-%'")" -gt 0 ]
}

mkdir "$copy"
(cd "$TOP" && git ls-files --cached --others --exclude-standard -z |
	tar --create --null --files-from=- --ignore-failed-read) |
	tar --extract --directory="$copy" || bail_out 'cannot copy the checkout'
cd "$copy" || exit
LOGRECV_PORT=$(tests_free_port)
LOGRECV_ADMIN_PORT=$(tests_free_port)
export LOGRECV_PORT LOGRECV_ADMIN_PORT
URL=http://127.0.0.1:$LOGRECV_PORT

# --- it starts

compose=(docker compose)
if command -v docker-compose >/dev/null; then
	ok 'docker-compose takes the file' docker-compose config --quiet
	compose=(docker-compose)
fi
timeout 900 docker compose build >"$DIR/build.log" 2>&1 ||
	give_up 'docker compose build'
tests build >"$DIR/build-test.log" 2>&1 || give_up 'building the test service'

# up NAME [OPTION]...: in the foreground, as one does who types the command
up() {
	start up "${compose[@]}" up --no-color "${@:2}"
	ok "$1" wait_for -t 240 both_healthy || give_up 'no service'
}

# To all processes of the terminal's foreground, as it does.
ctrl_c() {
	kill -s INT -- "-$(pid up)"
	wait_exit up 240 || give_up 'compose does not stop'
}

# A server that does not come up.
printf '%s\n' services: ' db:' '  entrypoint: [sleep, "1000"]' \
	'  command: []' >docker-compose.override.yml
docker compose up --detach >"$DIR/up.log" 2>&1 || give_up 'compose up'
ok 'without a database an event is acknowledged' \
	wait_for -t 60 send_event '{"event":"user_login","user_id":7,"id":"by-hand"}'
rm docker-compose.override.yml
up 'up: both services get healthy'
ok 'and the event is a row within 35 s' wait_for -t 35 is_row by-hand
like "$(docker compose exec -T db cat /run/secrets/db_password </dev/null)" \
	'^[0-9a-f]{48}$' 'its password was made'
isnt "$(docker compose exec -T app id -u </dev/null)" 0 'app is not root'
is "$(docker compose exec -T app cat /proc/1/cmdline </dev/null |
	tr '\0' ' ')" '/bin/sh /usr/local/bin/pipeline.sh ' \
	'its first process is pipeline.sh'
is "$(docker compose exec -T app sh -c 'cat /proc/[0-9]*/status' </dev/null |
	awk '/^Uid:/ && $2 == 0' | wc -l)" 0 'none of its processes is root'

for tool in logrecv logbatch logload; do
	for option in $(docker compose exec -T app "$tool" --help </dev/null |
		sed -n 's/^  --\([a-z-]*\).*/\1/p'); do
		case $tool:$option in
		*:help | *:version | *:spool | logrecv:listen) continue ;;
		logbatch:once | logload:once | logload:dry-run) continue ;;
		*:drain) continue ;; # pipeline.sh sets these
		logload:check | logload:watch | logload:retry-rejected) continue ;;
		logload:force | logload:print-schema | logload:progress) continue ;;
		logload:rejected-dir | logload:defaults-file) continue ;;
		logload:name | logload:salvage | logload:report) continue ;;
		logload:since | logload:until) continue ;;
		esac
		variable=$(tr a-z- A-Z_ <<<"${tool}_$option")
		grep -q "^      $variable: " docker-compose.yml ||
			missing_variables+=" $variable"
	done
done
is "${missing_variables:-}" '' 'each option can be set from the environment'

for hand in --check --retry-rejected; do
	ok "logload $hand by hand beside it" docker compose exec -T app \
		logload "$hand" --spool /var/spool/logs </dev/null
done

# --- a test load

LOGSEND_RATE=$rate LOGSEND_DURATION=$duration timeout 600 \
	docker compose -f docker-compose.test.yml up --no-color \
	--remove-orphans --exit-code-from test >"$DIR/load.log" 2>&1
is $? 0 "$rate requests/s for $duration: nothing is missing, the rate is held"
like "$(cat "$DIR/load.log")" 'missing 0' 'which is printed'
unlike "$(cat "$DIR/load.log")" orphan 'and nothing of orphans'
LOGSEND_URL=http://app:1/log LOGSEND_DURATION=1s LOGSEND_DRAIN=1s \
	VERIFY_TIMEOUT=1s timeout 120 docker compose \
	-f docker-compose.test.yml up --no-color \
	--exit-code-from test >"$DIR/load.log" 2>&1
isnt $? 0 'a load that does not arrive is reported by the exit status'

# --- stopped in mid-work, and started again

# load_over NAME COMMAND...: a load, during which the command stops the
# pipeline; then it is started again, and each acknowledged event is a row.
load_over() {
	local name=$1 container

	shift
	tests rm --force >/dev/null 2>&1
	LOGSEND_RATE=$rate LOGSEND_DURATION=20s LOGSEND_RUN=$name \
		LOGSEND_TIMEOUT=2s tests up --detach >/dev/null 2>&1 ||
		fail "$name: the load starts"
	# There are rows of it: it is in full swing.
	ok "$name: a load runs" wait_for -t 60 any_row "$name"
	"$@"
	up "$name: up again"
	container=$(tests ps --all --quiet test)
	timeout 180 docker wait "$container" >/dev/null
	docker logs "$container" >"$DIR/$name.out" 2>"$DIR/$name.log"
	num "$(sed -n 's/^acknowledged //p' "$DIR/$name.out")" -gt "$rate" \
		"$name: events were acknowledged"
	is "$(grep -E '^(missing|twice) ' "$DIR/$name.out")" \
		'missing 0
twice 0' "$name: none of them is missing, none is there twice"
}

interrupt() {
	ctrl_c
	is "$(inspect '{{.State.ExitCode}}' app)" 0 'Ctrl-C: app exits with 0'
	like "$(docker compose logs --no-color app)" 'info pipeline: stopped' \
		'in order'
}

crash() {
	docker compose kill app db >/dev/null 2>&1
	wait_exit up 60
}

LOGBATCH_MAX_AGE=2s
export LOGBATCH_MAX_AGE
ctrl_c
pass 'Ctrl-C stops it'
up 'started with a setting from the environment'
load_over ctrl-c interrupt
load_over kill-9 crash
ctrl_c

# --- a password of one's own

tests down --volumes --remove-orphans >/dev/null 2>&1
printf '\nsecret\n' >"$DIR/given"
run env LOGLOAD_DB_PASSWORD_FILE="$DIR/given" docker compose run --rm \
	--no-deps --entrypoint 'sh /pipeline/secrets db_password' db </dev/null
is "$STATUS" 1 'a file whose first line is empty gives no password'
like "$ERR" 'the first line of what is given for db_password is empty' 'and why'
export LOGLOAD_DB_PASSWORD="it's \"se\\cret\""
up 'up: with a password from a variable, and the volumes as they are'
ok 'an event is acknowledged' send_event '{"id":"by-password"}'
ok 'and is a row' wait_for -t 35 is_row by-password
not_ok 'no environment shows the password' grep -F "$LOGLOAD_DB_PASSWORD" \
	<(docker inspect "$(docker compose ps --quiet app)" \
		"$(docker compose ps --quiet db)")
ctrl_c

# --- other databases, in the README's way

docker compose down --volumes >/dev/null 2>&1
postgresql_query() {
	docker compose exec -T -u postgres db psql logs --no-align --tuples-only \
		--command="$1" 2>/dev/null </dev/null
}
sqlite_query() {
	docker compose exec -T app sqlite3 -readonly /var/spool/logs/logs.db \
		"$1" 2>/dev/null </dev/null
}
is_row_of() { # DATABASE ID
	[ "$("${1}_query" "SELECT COUNT(*) FROM logs
		WHERE payload->>'id' = '$2'")" = 1 ]
}
export DATABASE=postgresql
up 'up: with PostgreSQL'
ok 'an event is acknowledged' send_event '{"id":"one"}'
ctrl_c
docker compose down >/dev/null 2>&1
LOGLOAD_DB_PASSWORD="it's another"
LOGRECV_PORT=0 LOGRECV_ADMIN_PORT=0 up 'up again: with another password, twice' \
	--scale app=2
is "$(docker compose exec -T db cat /run/secrets/db_password </dev/null)" \
	"$LOGLOAD_DB_PASSWORD" 'that is the one that counts'
ok 'and is a row' wait_for -t 35 is_row_of postgresql one
URL=http://$(docker compose port --index 2 app 8080)
ok 'an event is acknowledged' send_event '{"id":"two"}'
ok 'and is a row' wait_for -t 35 is_row_of postgresql two
URL=http://127.0.0.1:$LOGRECV_PORT
ctrl_c
docker compose down --volumes >/dev/null 2>&1
unset DATABASE LOGLOAD_DB_PASSWORD
export LOGLOAD_DB=sqlite:/var/spool/logs/logs.db
start up "${compose[@]}" up --no-color --no-deps app
ok 'up: with SQLite, without a server' wait_for -t 240 healthy app
is "$(docker compose ps --all --services)" app 'alone'
ok 'an event is acknowledged' send_event '{"id":"two"}'
ok 'and is a row' wait_for -t 35 is_row_of sqlite two
ctrl_c
done_testing
