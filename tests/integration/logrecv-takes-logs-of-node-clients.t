#!/usr/bin/env bash
# What Node's clients send is stored, as they send it with their defaults: the
# exporters of OpenTelemetry, of which the one sends JSON and the other protobuf,
# pino-loki, pino-http-send and bunyan. Where NODE_PATH has them, that is.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# here MODULE...: are they? Else the first is passed over
here() {
	local module

	for module in "$@"; do
		node -e 'require.resolve(process.argv[1])' "$module" \
			>"$DIR/here" 2>&1 && continue
		pass "$1 # SKIP Node finds no $module"
		return 1
	done
}

# client SCRIPT [ARGUMENT]...: runs it; what it cannot find is skipped
client() {
	run node -e "$@"
	[ "$STATUS" -eq 0 ] || diag "$ERR"
	[ "$STATUS" -eq 0 ]
}

otlp='
	const sdk = require("@opentelemetry/sdk-logs");
	const {resourceFromAttributes} = require("@opentelemetry/resources");
	const [kind, url] = process.argv.slice(1);
	const {OTLPLogExporter} =
	    require("@opentelemetry/exporter-logs-otlp-" + kind);
	const provider = new sdk.LoggerProvider({
		resource: resourceFromAttributes({"service.name": "shop"}),
		processors: [new sdk.BatchLogRecordProcessor({
			exporter: new OTLPLogExporter({url,
			    compression: kind === "http" ? "gzip" : "none"})})]});
	provider.getLogger("lib", "1.2").emit({
		timestamp: [1544712660, 300000001],
		observedTimestamp: [1544712660, 400000000],
		severityNumber: 9, severityText: "INFO", body: {a: [1.5, null]},
		attributes: {big: 2 ** 53, neg: -1, d: 0.1, ok: true}});
	provider.shutdown();'
event='{"timestamp":"2018-12-13T14:51:00.300000001Z","observedTimestamp":"2018-12-13T14:51:00.400000000Z","severityNumber":9,"severityText":"INFO","body":{"a":[1.5,null]},"attributes":{"big":9007199254740992,"neg":-1,"d":0.1,"ok":true},"resource":{"attributes":{"service.name":"shop"}},"scope":{"name":"lib","version":"1.2"}}'

spool_new
logrecv_start --workers=1
for kind in http proto; do
	here "@opentelemetry/exporter-logs-otlp-$kind" \
		@opentelemetry/{sdk-logs,resources} || continue
	ok "OpenTelemetry, $kind" client "$otlp" "$kind" "$URL/v1/logs"
	is "$(texts | tail -n 1)" "$event" 'is stored with all that it said'
done

if here pino-loki pino; then
	ok 'pino-loki' client '
		const pino = require("pino");
		const transport = pino.transport({
			target: require.resolve("pino-loki"),
			options: {host: process.argv[1],
			    labels: {application: "shop"}}});
		pino(transport).info({user_id: 7}, "hello");
		transport.end();' "$URL"
	like "$(texts | tail -n 1)" \
		'^\{"timestamp":"[^"]*","line":\{.*"user_id":7,"msg":"hello"\},"labels":\{.*"application":"shop".*\}\}$' \
		'its line is an object'
fi

if here pino-http-send pino; then
	ok 'pino-http-send' client '
		const send = require("pino-http-send");
		const log = require("pino")(send.createWriteStream({
			url: process.argv[1], batchSize: 2}));
		log.info("first");
		log.warn({user_id: 7}, "second");' "$URL/log?each=logs"
	like "$(texts | tail -n 2)" \
		'"msg":"first"\}'$'\n''\{"level":40,.*"user_id":7,"msg":"second"\}$' \
		'each of its logs is an event'
fi

if here bunyan; then
	ok 'bunyan' client '
		const url = process.argv[1];
		const write = (line) => fetch(url, {method: "POST", body: line});
		require("bunyan").createLogger({name: "shop",
		    streams: [{stream: {write}}]}).info({user_id: 7}, "hello");
		' "$URL/log"
	like "$(texts | tail -n 1)" \
		'^\{"name":"shop",.*"user_id":7,"msg":"hello","time":"20.*"v":0\}$' \
		'its record is the event'
fi
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
