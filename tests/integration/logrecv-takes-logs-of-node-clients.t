#!/usr/bin/env bash
# What Node's clients of other protocols send is stored, as they send it with
# their defaults: the exporters of OpenTelemetry, of which the one sends JSON and
# the other protobuf, and pino-loki. Where NODE_PATH has them, that is.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/logrecv-lib.sh"

# client SCRIPT [ARGUMENT]...: runs it; what it cannot find is skipped
client() {
	run node -e "$@"
	[ "$STATUS" -eq 0 ] || diag "$ERR"
	[ "$STATUS" -eq 0 ]
}

for module in sdk-logs resources exporter-logs-otlp-http exporter-logs-otlp-proto; do
	node -e 'require(process.argv[1])' "@opentelemetry/$module" 2>/dev/null ||
		skip_all "no Node, or not its module @opentelemetry/$module"
done

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
	ok "OpenTelemetry, $kind" client "$otlp" "$kind" "$URL/v1/logs"
	is "$(texts | tail -n 1)" "$event" 'is stored with all that it said'
done

if node -e 'require("pino-loki"); require("pino")' 2>/dev/null; then
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
stop logrecv
is "$STATUS" 0 'it ends with status 0'
done_testing
