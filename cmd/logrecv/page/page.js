// page.js - asks logrecv every two seconds, and shows what it says. Whatever
// comes from outside is put there as text, never as markup.

import {Data, parse} from "./data.js";
import {Plot} from "./plot.js";
import {bytes, count, fate, forecast, isGone, judge, lastly, of, rejections,
    room, time, waiting} from "./words.js";

const EVERY = 2000, PATIENCE = 10000, HOUR = 3600;
const $ = (id) => document.getElementById(id);
const rate = (n) => `${n >= 10 ? count(n) : n.toFixed(1)}/s`;
const each = (n) => Number.isInteger(n) ? count(n) : n.toFixed(1);
const ms = (s) => s > 0 && s < 0.001 ? `${count(s * 1e6)} µs`
    : s < 0.01 ? `${(s * 1000).toFixed(1)} ms` : `${count(s * 1000)} ms`;

function say(element, text) {
	if (element.textContent !== text)
		element.textContent = text;
}

function card(id, level, big, ...small) {
	const [first, second] = $(id).querySelectorAll("p");
	$(id).className = level;
	say(first, big);
	say(second, small.filter((s) => s !== "").join(", "));
}

// A rate of the last half minute.
const lately = (d, name) => d.increase(name, 30) / Math.min(30, d.known() || 1);

function showWay(d) {
	const refused = d.labels("logrecv_refused_total").map((l) => l[2]);
	const age = d.get("logrecv_oldest_age_seconds") ?? 0;
	const up = d.get("logload_database_up");
	const loads = !isGone(d, "logload");
	const commit = d.get("logload_last_success_timestamp_seconds");
	const nRejected = rejections(d), nRefused = d.increase(refused, HOUR);
	const limit = d.get("logload_rejected_limit_bytes") ?? 0;
	const {soon} = forecast(d);

	card("clients", d.status.refusing === null ? "good" : "bad",
	    `${rate(lately(d, "logrecv_requests_total"))}`,
	    `${of(d.increase("logrecv_events_total", HOUR), "event")} ` +
		`acknowledged in ${lastly(d)}`,
	    of(d.get("logrecv_connections") ?? 0, "connection"));
	card("buffer", isGone(d, "logbatch") ? "bad" : "good",
	    bytes(d.get("logrecv_buffer_bytes") ?? 0),
	    of(d.get("logrecv_buffer_files") ?? 0, "file") + " being written");
	card("ready", age < 300 ? "good" : "warn",
	    bytes(d.get("logrecv_ready_bytes") ?? 0),
	    of(d.get("logrecv_ready_files") ?? 0, "file") + " to be loaded",
	    age > 0 ? `the oldest for ${time(age)}` : "");
	card("database", loads && up !== 0 ? "good" : "bad",
	    !loads ? "not loading" : up === 0 ? "away"
	    : `${rate(lately(d, "logload_events_loaded_total"))}`,
	    `${of(d.increase("logload_events_loaded_total", HOUR), "row")} in ` +
		lastly(d),
	    commit ? `the last ${time(d.now - commit)} ago` : "");
	card("refused", nRefused > 0 ? "warn" : "", count(nRefused),
	    `requests in ${lastly(d)}`);
	card("rejected", nRejected > 0 ? "warn" : "", count(nRejected),
	    `events in ${lastly(d)}`,
	    `${bytes(d.get("logload_rejected_bytes") ?? 0)}` +
		(limit > 0 ? ` of ${bytes(limit)}` : "") + " in rejected/");
	card("loaded", "", bytes(d.get("logload_loaded_bytes") ?? 0),
	    `${of(d.get("logload_loaded_files") ?? 0, "file")} kept in loaded/`);
	card("disk", soon < 24 * HOUR ? "warn" : "",
	    `${bytes(room(d))} left`,
	    soon < 1000 * HOUR ? `full in ${time(soon)}` : "",
	    `${bytes(waiting(d))} wait`);
}

function showProblems(problems) {
	const list = $("problems").firstElementChild;
	const text = JSON.stringify(problems);

	$("problems").hidden = problems.length === 0;
	if (list.dataset.text === text)
		return;
	list.dataset.text = text;
	list.replaceChildren(...problems.map((problem, i) => {
		const item = document.createElement("li");
		item.className = problem.level;
		// The first is the sentence above.
		for (const part of i === 0 ? [problem.todo]
		    : [problem.say, problem.todo]) {
			const p = document.createElement("p");
			p.textContent = part;
			item.append(p);
		}
		return item;
	}));
}

// A string of JSON as what it says, anything else as it stands.
const plain = (v) => v === undefined ? "" : typeof v === "string" ? v
    : JSON.stringify(v);

function row(...cells) {
	const tr = document.createElement("tr");
	for (const [text, className, name] of cells) {
		const td = document.createElement(name ?? "td");
		td.textContent = text;
		td.className = className ?? "";
		tr.append(td);
	}
	return tr;
}

// Of a list that changes now and then.
function showTable(id, list, cells) {
	const text = JSON.stringify(list), body = $(id).tBodies[0];

	if (body.dataset.shown === text)
		return;
	body.dataset.shown = text;
	$(id).parentElement.hidden = list.length === 0;
	$(id).parentElement.previousElementSibling.hidden = list.length > 0;
	body.replaceChildren(...list.map((item) => row(...cells(item))));
}

// "2026-11-22T07:33:51.123456Z" as a person reads it.
const day = (stamp) => stamp.replace(/^(.{10})T(.{8}).*/, "$1 $2");

const showRejected = (records) => showTable("rejected-events", records, (r) => [
	[day(plain(r.rejected_at))],
	[`${plain(r.text)}${r.code ? ` (${plain(r.code)})` : ""}`, "text"],
	[plain(r.event ?? r.raw ?? r.base64), "text"],
	[`${plain(r.file)}, line ${plain(r.line)}`, "text"]]);

// "STAMP LEVEL TOOL: TEXT", the youngest first.
const showWarnings = (lines) => showTable("warnings",
    lines.sort().reverse().slice(0, 12), (line) => {
	const [, at, tool, text] = /^(\S+) \S+ (\S+): (.*)$/.exec(line) ??
	    ["", "", "", line];
	return [[day(at)], [tool], [text, "text"]];
});

function showTools(d) {
	$("tools").tBodies[0].replaceChildren(...d.status.tools
	    .sort((a, b) => a.name < b.name ? -1 : 1).map((tool) => {
		const text = fate(d, tool);
		return row([tool.name], [text, text === "runs" ? "" : "dead"]);
	}));
	say($("version"), d.status.version);
}

const line = (name, points) => ({name, points});

// Each plot: its title, how numbers are written, and its lines.
const plots = [
	["Events a second", rate, (d, s) => [
		line("acknowledged", d.rates(s, "logrecv_events_total")),
		line("loaded", d.rates(s, "logload_events_loaded_total"))]],
	["Waiting", bytes, (d, s) => [
		line("in the buffer", d.points(s, "logrecv_buffer_bytes")),
		line("ready", d.points(s, "logrecv_ready_bytes"))]],
	["Time of a sync", ms, (d, s) => [
		line("p50", d.quantiles(s, 0.5)),
		line("p99", d.quantiles(s, 0.99))]],
	["Requests a second", rate, (d, s) => [
		line("in", d.rates(s, "logrecv_requests_total"))]],
	["Refused requests, by reason", each, (d, s) =>
		byReason(d, s, "logrecv_refused_total")],
	["Disk left", bytes, (d, s) => [
		line("free", d.points(s, "logrecv_disk_free_bytes")),
		outlook(d, s)]],
];

// The five that were most, with how many there were.
function byReason(d, span, family) {
	return d.labels(family).map(([reason, , name]) => {
		const points = d.gains(span, name).map(([at, n]) => [at, n]);
		return {name: reason, points,
		    total: points.reduce((sum, p) => sum + p[1], 0)};
	}).filter((l) => l.total > 0)
	    .sort((a, b) => b.total - a.total).slice(0, 5);
}

// Where the disk's line leads, for a quarter of the span.
function outlook(d, span) {
	const {soon, of: what} = forecast(d);
	const free = d.get("logrecv_disk_free_bytes") ?? 0;
	const ahead = span === "hour" ? HOUR / 4 : 6 * HOUR;
	const part = what === "disk" ? Math.min(1, ahead / soon) : NaN;

	return {name: "forecast", dashed: true, colour: 0, points: [[d.now, free],
	    [d.now + part * soon, free * (1 - part)]].filter(
	    ([at]) => Number.isFinite(at))};
}

let drawn = null, current = null;

function showPlots(d) {
	const span = document.querySelector("#span input:checked").value;
	const ring = d.history[span];
	const length = span === "hour" ? HOUR : 24 * HOUR;

	drawn ??= plots.map(([title, format]) =>
	    new Plot($("plots"), title, format));
	plots.forEach(([, , lines], i) => {
		const all = lines(d, span);
		const ahead = all.some((l) => l.dashed && l.points.length > 1)
		    ? length / 4 : 0;
		const first = Math.max(d.now - length, ring.at[0] ?? 0);
		drawn[i].show(all, Math.min(first, d.now - 60), d.now + ahead);
	});
}

// Its numbers change all the time: who listens hears of another kind alone.
function headline(kind, level, sentence) {
	$("state").className = level;
	say($("state"), sentence);
	if ($("told").dataset.kind !== kind)
		say($("told"), sentence);
	$("told").dataset.kind = kind;
	document.title = `${level === "good" ? "" : "! "}${sentence}`;
}

function show(d) {
	const {problems, kind, level, say: sentence} = judge(d);

	current = d;
	headline(kind, level, sentence);
	showProblems(problems);
	showWay(d);
	showPlots(d);
	showRejected(d.status.rejected);
	showWarnings(d.status.warnings);
	showTools(d);
}

async function get(path, kind) {
	const answer = await fetch(path, {signal: AbortSignal.timeout(PATIENCE)});
	if (!answer.ok)
		throw new Error(`${path}: ${answer.status}`);
	return answer[kind]();
}

let history = null, asked = 0, heard = Date.now();

async function turn() {
	try {
		if (history === null || Date.now() - asked > 10000) {
			asked = Date.now();
			history = await get("/history.json", "json");
		}
		const [metrics, status] = await Promise.all([
		    get("/metrics", "text"), get("/status.json", "json")]);
		show(new Data(parse(metrics), status, history));
		heard = Date.now();
	} catch (e) {
		headline("silent", "bad", `logrecv does not answer, for ` +
		    `${time((Date.now() - heard) / 1000)}: it has ended, or ` +
		    "cannot be reached from here. What it acknowledged is safe.");
		console.warn(e);
	}
	setTimeout(turn, EVERY);
}

$("span").addEventListener("change", () => current && showPlots(current));
addEventListener("resize", () => current && showPlots(current));
turn();
