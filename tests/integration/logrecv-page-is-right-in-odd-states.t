#!/usr/bin/env bash
# The status page's sentence is true, and there is one, in states that are rare:
# its script is given them, without a browser.
. "$(dirname "$0")/../lib.sh"

node=$(command -v node) || skip_all 'there is no Node.js'
"$node" -e 'null?.a ?? 1' 2>/dev/null || skip_all 'Node.js is too old'

cp "$TOP"/cmd/logrecv/page/{data,words}.js "$DIR"
echo '{"type":"module"}' >"$DIR/package.json"
cat >"$DIR/says.js" <<'END'
import {Data, parse} from "./data.js";
import {judge} from "./words.js";

const runs = (name) => ({name, runs: true, written: 1000});
const status = {at: 1000, refusing: null, spool_limit: 1e10, min_free: 0,
    tools: ["logrecv", "logbatch", "logload"].map(runs), rejected: [],
    warnings: []};
const [metrics, at, values] = process.argv.slice(2);
const none = {step: 300, at: [], values: {}};
const hour = {step: 10, at: JSON.parse(at), values: JSON.parse(values)};
console.log(judge(new Data(parse(metrics), status, {hour, day: none})).say);
END

# says METRICS TIMES VALUES SENTENCE
says() {
	is "$("$node" "$DIR/says.js" "$1" "$2" "$3" 2>&1)" "$4" "$4"
}

room=$'logrecv_room_bytes 9e9\nlogrecv_disk_free_bytes 9e9\n'
says "$room"$'logload_database_up 0\n' '[990,1000]' \
	'{"logload_database_up":[1,1]}' \
	'The database has been away for 0 s; 0 bytes wait, room for 9.0 GB.'
says "$room"$'logrecv_events_total 7\nlogrecv_ready_bytes 5e9\n' '[990]' \
	'{"logrecv_events_total":[7]}' \
	'No events came in the last 10 s; 5.0 GB are on their way.'
done_testing
