// data.js - what the page knows: the numbers of /metrics, what they were, by
// /history.json, and what is no number, by /status.json. A name is that of the
// metric with its labels, in all of them.

export const isCounter = (name) => /_(total|bucket)(\{|$)/.test(name);

// The samples of several processes of a tool are added; of gauges, which tell
// of the same spool, the first counts.
export function parse(text) {
	const values = new Map();

	for (const line of text.split("\n")) {
		const at = line.lastIndexOf(" ");
		if (at < 0 || line[0] === "#")
			continue;
		const name = line.slice(0, at).replace(
		    /\{process="\d+"\}|,process="\d+"|process="\d+",/, "");
		const value = Number(line.slice(at + 1));
		if (!values.has(name))
			values.set(name, value);
		else if (isCounter(name))
			values.set(name, values.get(name) + value);
	}
	return values;
}

// What a counter has gained from one sample to the next; it begins at 0 again
// when its tool does, and is not there before that.
function gain(before, now) {
	if (now === null)
		return 0;
	return before === null || now < before ? now : now - before;
}

export class Data {
	constructor(metrics, status, history) {
		this.metrics = metrics;
		this.status = status;
		this.now = status.at;
		this.history = history;
	}

	get(name) {
		return this.metrics.get(name) ?? null;
	}

	// All labels that a family has, and the numbers: [["json", 3], …].
	labels(family) {
		const found = [];
		for (const [name, value] of this.metrics) {
			const m = /^([^{]*)\{[a-z]+="([^"]*)"\}$/.exec(name);
			if (m !== null && m[1] === family)
				found.push([m[2], value, name]);
		}
		return found;
	}

	tool(name) {
		const all = this.status.tools.filter(
		    (t) => t.name === name || t.name.startsWith(name + "-"));
		return all.find((t) => t.runs) ?? all[0] ?? null;
	}

	// [[time, value or null], …] of "hour" or "day", and now.
	points(span, name) {
		const ring = this.history[span];
		const values = ring.values[name] ?? [];
		const points = ring.at.map((at, i) => [at,
		    (values.length === 1 ? values[0] : values[i]) ?? null]);
		const last = points[points.length - 1];
		if (last === undefined || this.now > last[0])
			points.push([this.now, this.get(name)]);
		return points;
	}

	// How much a counter has gained from each to the next: [[time, n, s], …].
	gains(span, name) {
		const points = this.points(span, name);
		let before = points[0][1];
		return points.slice(1).map(([at, value], i) => {
			const n = gain(before, value);
			before = value ?? before;
			return [at, n, at - points[i][0]];
		});
	}

	// The same, a second.
	rates(span, name) {
		return this.gains(span, name).map(
		    ([at, n, s]) => [at, s > 0 ? n / s : null]);
	}

	// Of one counter, or of several, in these last seconds.
	increase(names, seconds) {
		let sum = 0;
		for (const name of [names].flat()) {
			for (const [at, n] of this.gains("hour", name))
				sum += at > this.now - seconds ? n : 0;
		}
		return sum;
	}

	// Of the last hour, how many seconds are known.
	known() {
		return this.now - this.points("hour", "")[0][0];
	}

	// Since when a gauge is what it is now: [seconds, whether it was ever
	// seen to be something else].
	unchanged(name) {
		const now = this.get(name);
		for (const span of ["hour", "day"]) {
			const points = this.points(span, name);
			for (let i = points.length - 1; i >= 0; i--) {
				if (points[i][1] === null || points[i][1] === now)
					continue;
				// The numbers may be younger than the last of them.
				const since = points[i + 1]?.[0] ?? this.now;
				return [this.now - since, true];
			}
		}
		return [this.now - this.points("day", name)[0][0], false];
	}

	// A quantile of the time that a sync took, in seconds, from each sample
	// to the next.
	quantiles(span, q) {
		const of = (le) => `logrecv_sync_seconds_bucket{le="${le}"}`;
		const bounds = this.labels("logrecv_sync_seconds_bucket")
		    .map(([le]) => le);
		const all = bounds.map((le) => this.gains(span, of(le)));
		if (all.length === 0)
			return [];
		return all[0].map(([at], i) => {
			const counts = all.map((gains) => gains[i][1]);
			const rank = q * counts[counts.length - 1];
			const k = counts.findIndex((n) => n >= rank && n > 0);
			if (k < 0)
				return [at, null];
			const low = k > 0 ? Number(bounds[k - 1]) : 0;
			if (bounds[k] === "+Inf")
				return [at, low];
			const below = k > 0 ? counts[k - 1] : 0;
			return [at, low + (Number(bounds[k]) - low) *
			    (rank - below) / (counts[k] - below || 1)];
		});
	}
}
