// words.js - what the numbers mean, and what to do. A new case is a function
// in the list `cases`: it returns null where all is well, or [how bad it is,
// what is said, what to do]. The first of the worst is the page's sentence.

export const count = (n) => Math.round(n).toLocaleString("en-US");

// "7 events"
export const of = (n, one, many) => `${count(n)} ${Math.round(n) === 1 ? one
    : many ?? one + "s"}`;

export function bytes(n) {
	const units = ["bytes", "KB", "MB", "GB", "TB"];
	let i = 0;
	for (; n >= 999.5 && i < units.length - 1; i++)
		n /= 1000;
	return `${n >= 10 || i === 0 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

export function time(s) {
	if (s < 100)
		return `${Math.max(0, Math.round(s))} s`;
	if (s < 5400)
		return `${Math.round(s / 60)} min`;
	if (s < 48 * 3600)
		return `${Math.round(s / 3600)} h`;
	return `${count(s / 86400)} days`;
}

const HOUR = 3600;

// "the last hour", or as much of it as is known
export function lastly(d) {
	const known = d.known();
	return known >= HOUR - 60 ? "the last hour" : `the last ${time(known)}`;
}

export const waiting = (d) => (d.get("logrecv_buffer_bytes") ?? 0) +
    (d.get("logrecv_ready_bytes") ?? 0);

// How many bytes more may wait, until events are refused.
export const room = (d) => d.get("logrecv_room_bytes") ?? 0;

// For how long there is room at the rate of the last ten minutes, in words.
function lasts(d) {
	const span = Math.min(600, d.known());
	const rate = span > 0
	    ? d.increase("logrecv_line_bytes_total", 600) / span : 0;
	const left = rate > 0 ? room(d) / rate : Infinity;
	return left < 1000 * 86400 ? `room for ${time(left)}`
	    : `room for ${bytes(room(d))}`;
}

const left = (d) => `${bytes(waiting(d))} wait, ${lasts(d)}`;

// When there is no room, if it goes on as in the last hour: {soon: seconds,
// left: bytes, of: what}. A short time tells only of what is near.
export function forecast(d) {
	const from = d.now - HOUR;
	let span = 0;
	const slope = (name) => {
		const points = d.points("hour", name).filter(
		    ([at, v]) => at >= from && v !== null);
		if (points.length < 2)
			return 0;
		const [a, b] = [points[0], points[points.length - 1]];
		span = b[0] - a[0];
		return span < 600 ? 0 : (b[1] - a[1]) / span;
	};
	const until = (of, left, shrinks) => ({of, left: Math.max(0, left),
	    soon: shrinks > 0 ? Math.max(0, left) / shrinks : Infinity});
	// What is loaded gives way, so it is free.
	const disk = until("disk", (d.get("logrecv_disk_free_bytes") ?? 0) +
	    (d.get("logload_loaded_bytes") ?? 0) - d.status.min_free,
	    -slope("logrecv_disk_free_bytes") - slope("logload_loaded_bytes"));
	const spool = until("spool", d.status.spool_limit - waiting(d),
	    d.status.spool_limit === 0 ? 0 : slope("logrecv_buffer_bytes") +
	    slope("logrecv_ready_bytes"));
	const first = spool.soon < disk.soon ? spool : disk;
	return first.soon < 24 * span ? first : {...first, soon: Infinity};
}

const REJECTED = ["json", "object", "depth", "event-size", "unfit"].map(
    (reason) => `logrecv_rejected_events_total{reason="${reason}"}`);
const ROOM = ["spool", "in-flight", "connections", "memory", "store"].map(
    (reason) => `logrecv_refused_total{reason="${reason}"}`);

// What each tool does, and what its absence means.
const LOADS = "logload", BATCHES = "logbatch", SHIPS = "logship";

export const isGone = (d, name) => fate(d, d.tool(name)) !== "runs";

// What has become of a tool. One that hangs, or was stopped, runs, but has not
// told its numbers for long.
export function fate(d, tool) {
	if (tool === null)
		return "does not work on this spool";
	const seen = d.get(`logs_tool_seen_timestamp_seconds{tool="${tool.name}"}`);
	if (!tool.runs)
		return `ended ${time(d.now - tool.written)} ago`;
	return seen !== null && d.now - seen > 30
	    ? `hangs, not seen for ${time(d.now - seen)}` : "runs";
}

const gone = (d, name) => `${name} ${fate(d, d.tool(name))}`;

const cases = [
	function refuses(d) {
		const why = d.status.refusing;
		return why === null ? null : ["bad",
		    `Events are refused: ${why}. ${bytes(waiting(d))} wait.`,
		    "Clients get 503 and keep their events; what was acknowledged " +
		    "is safe. Find out below why files wait, or make room on the " +
		    "disk. It opens again by itself."];
	},
	function loads(d) {
		if (!isGone(d, LOADS) || !isGone(d, SHIPS))
			return null;
		return ["bad", `Nothing is loaded: ${gone(d, LOADS)}; ${left(d)}.`,
		    "Start it again; below, and in its log, stands why. " +
		    "Events are safe in ready/, and it goes on where it was."];
	},
	function batches(d) {
		return !isGone(d, BATCHES) ? null : ["bad",
		    `Nothing leaves the buffer: ${gone(d, BATCHES)}; ${left(d)}.`,
		    "Start it again; below, and in its log, stands why. Events are " +
		    "safe in buffer/, and it goes on where it was."];
	},
	function database(d) {
		if (isGone(d, LOADS) || d.get("logload_database_up") !== 0 ||
		    d.get("logload_database_refuses") === 1)
			return null;
		const [s, seen] = d.unchanged("logload_database_up");
		return ["bad", `The database has been away for ` +
		    `${seen ? "" : "at least "}${time(s)}; ${left(d)}.`,
		    "See whether it runs, and whether logload reaches it: the " +
		    "reason stands below. Nothing is lost meanwhile, and loading goes " +
		    "on by itself."];
	},
	function schema(d) {
		return isGone(d, LOADS) ||
		    d.get("logload_database_refuses") !== 1 ? null : ["bad",
		    `The database takes no rows: its table, or rights, are not as ` +
		    `logload needs them; ${left(d)}.`,
		    "The statement and the reason stand below; logload " +
		    "--print-schema shows the tables. It tries again by itself."];
	},
	function full(d) {
		const n = d.get("logload_ready_waiting_for_room_files");
		return !n ? null : ["bad", `rejected/ is full: ${of(n, "file")} ` +
		    `wait until there is room in it; ${left(d)}.`,
		    "Mend what the events were rejected for, then logload " +
		    "--retry-rejected; or take files out of rejected/; or raise " +
		    "--rejected-limit."];
	},
	function dropped(d) {
		const n = d.increase("logload_rejected_dropped_events_total", HOUR);
		return n === 0 ? null : ["bad", `${of(n, "rejected event")} of ` +
		    `${lastly(d)} were dropped: rejected/ is full.`,
		    "They are nowhere. Mend what is rejected below, or raise " +
		    "--rejected-limit."];
	},
	function aside(d) {
		const n = d.get("logload_ready_refused_files");
		return !n ? null : ["warn", `${of(n, "file")} wait: the database ` +
		    `refuses every event in them; ${left(d)}.`,
		    "The reason stands below. They go to rejected/ once rows of " +
		    "others show that the table is not to blame."];
	},
	function store(d) {
		const n = d.increase("logrecv_store_errors_total", HOUR);
		return n === 0 ? null : ["bad", `The disk failed ${of(n, "time")} ` +
		    `in ${lastly(d)} to store events.`,
		    "Clients were told so, and keep them. See logrecv's log, and " +
		    "the disk's."];
	},
	function disk(d) {
		const used = waiting(d), limit = d.status.spool_limit;
		const {soon, left: bare, of: what} = forecast(d), free = room(d);
		if (used > 0 && used >= 4 * free)
			return ["warn", `The spool is nearly full: ${left(d)}.`,
			    free < limit - used ? "Make room on its disk."
			    : "Find out why files wait, or raise --spool-limit."];
		return soon > 24 * HOUR ? null : [soon < 4 * HOUR ? "bad" : "warn",
		    `The ${what} is full in ${time(soon)}, if it goes on as in ` +
		    `${lastly(d)}: ${bytes(bare)} are left.`,
		    "When it is full, events are refused with 503, and none is " +
		    "lost. Make room, or find out what grows."];
	},
	function behind(d) {
		const age = d.get("logrecv_oldest_age_seconds") ?? 0;
		return age < 300 ? null : ["warn", `Loading is behind: the oldest ` +
		    `file has waited for ${time(age)}; ${left(d)}.`,
		    "See whether the database is slow; more --jobs may help."];
	},
	function refused(d) {
		const n = d.increase(ROOM, HOUR);
		const all = d.increase("logrecv_requests_total", HOUR);
		return n === 0 || n < all / 100 ? null : ["warn",
		    `${of(n, "request")} of ${lastly(d)} were refused for want of ` +
		    `room, of ${count(all)}.`,
		    "Clients get 503 and try again. See the plot of refusals for " +
		    "what was short."];
	},
	function slow(d) {
		const n = d.quantiles("hour", 0.99).slice(-30)
		    .filter(([, s]) => s > 1).length;
		return n < 2 ? null : ["warn",
		    "The disk is slow: syncs took over a second.",
		    "Clients wait for them. See what else writes to that disk."];
	},
	function rejected(d) {
		const n = rejections(d);
		return n === 0 ? null : ["warn", `${of(n, "event")} of ` +
		    `${lastly(d)} could not become ${n === 1 ? "a row" : "rows"}; ` +
		    `the reasons stand below. ${progress(d)}`,
		    "They are kept in rejected/. Once the table or the sender is " +
		    "mended, logload --retry-rejected loads them."];
	},
];

// All of them: those that came bad are loaded, too, into rejected/.
export const rejections = (d) => Math.max(
    d.increase("logload_events_rejected_total", HOUR),
    d.increase(REJECTED, HOUR));

// How far events have come, where nothing is wrong.
function progress(d) {
	const acked = d.increase("logrecv_events_total", HOUR);
	const rows = d.increase("logload_events_loaded_total", HOUR);
	const rejected = rejections(d);

	if (isGone(d, LOADS))
		return `${of(acked, "event")} came in ${lastly(d)}, and ` +
		    `${bytes(waiting(d))} are to be shipped.`;
	if (acked === 0)
		return `No events came in ${lastly(d)}; ` + (waiting(d) === 0
		    ? "all is ready for them."
		    : `${bytes(waiting(d))} are on their way.`);
	// logload tells its numbers every five seconds.
	if (waiting(d) === 0 && rows + rejected < acked)
		return `${of(acked, "event")} came in ${lastly(d)}, and ` +
		    `${count(rows)} became rows.`;
	const all = rejected > 0 ? `All others of ${count(acked)} are rows`
	    : acked === 1 ? `The one event of ${lastly(d)} is a row`
	    : `All ${count(acked)} events of ${lastly(d)} are rows`;
	return waiting(d) === 0 ? `${all}.`
	    : `${all}, but for ${bytes(waiting(d))} on their way.`;
}

// [{level, say, todo, kind}, …], the worst first; and the sentence of all.
export function judge(d) {
	const found = cases.map((f) => [f(d), f.name])
	    .filter(([c]) => c !== null)
	    .map(([[level, say, todo], kind]) => ({level, say, todo, kind}))
	    .sort((a, b) => (b.level === "bad") - (a.level === "bad"));
	return {
		problems: found,
		kind: found[0]?.kind ?? "good",
		level: found[0]?.level ?? "good",
		say: found[0]?.say ?? progress(d),
	};
}
