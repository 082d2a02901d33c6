// plot.js - lines over time, as SVG: no library, since this is all that is
// wanted of one. The numbers behind each are a table, and what is under the
// pointer, or the arrow keys, is told above it.

const NS = "http://www.w3.org/2000/svg";
const LEFT = 52, BOTTOM = 18, TOP = 6, RIGHT = 4;

function svg(name, attributes, parent) {
	const e = document.createElementNS(NS, name);
	for (const [key, value] of Object.entries(attributes))
		e.setAttribute(key, value);
	parent?.append(e);
	return e;
}

function html(name, text, parent, className) {
	const e = document.createElement(name);
	e.textContent = text;
	if (className !== undefined)
		e.className = className;
	parent?.append(e);
	return e;
}

export const clock = (at, seconds) => new Date(at * 1000).toLocaleTimeString(
    "en-GB", {hour: "2-digit", minute: "2-digit",
	second: seconds ? "2-digit" : undefined});

// The least of 1, 2, 5, 10, … that is not below v.
function ceiling(v) {
	const unit = 10 ** Math.floor(Math.log10(v));
	return unit * [1, 2, 5, 10].find((n) => n * unit >= v * 0.999);
}

// Pieces of a line: it is not drawn where nothing is known.
function path(points, x, y) {
	let d = "", pen = "M";
	for (const [at, value] of points) {
		if (value === null) {
			pen = "M";
			continue;
		}
		d += `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
		pen = "L";
	}
	return d;
}

export class Plot {
	// format: a number in words
	constructor(parent, title, format) {
		this.format = format;
		this.figure = html("figure", "", parent);
		this.caption = html("figcaption", "", this.figure);
		html("strong", title, this.caption);
		this.legend = html("span", "", this.caption);
		this.title = title;
		this.svg = svg("svg", {role: "img", tabindex: 0}, this.figure);
		this.details = html("details", "", this.figure);
		html("summary", "As a table", this.details);
		this.table = html("table", "", this.details);
		this.cursor = null; // the time that it stands at
		this.svg.addEventListener("pointermove", (e) =>
		    this.point(this.at(e.offsetX)));
		this.svg.addEventListener("pointerleave", () => this.point(null));
		this.svg.addEventListener("blur", () => this.point(null));
		this.svg.addEventListener("keydown", (e) => this.key(e));
		this.details.addEventListener("toggle", () => this.tabulate());
	}

	// lines: [{name, points: [[time, value or null], …]}, …], with `total`
	// where that says more than the last value, or `dashed`
	show(lines, from, to) {
		this.lines = lines;
		this.from = from;
		this.to = to;
		this.draw();
		this.tell();
		this.tabulate();
	}

	at(px) {
		const width = this.width - LEFT - RIGHT;
		return this.from + (this.to - this.from) * (px - LEFT) / width;
	}

	draw() {
		const width = this.width = this.svg.clientWidth || 360;
		const height = this.svg.clientHeight || 130;
		const all = this.lines.flatMap((l) => l.points)
		    .map((p) => p[1]).filter((v) => v !== null);
		const most = ceiling(Math.max(...all, 1e-9));
		const x = (at) => LEFT + (width - LEFT - RIGHT) *
		    (at - this.from) / (this.to - this.from);
		const y = (v) => TOP + (height - TOP - BOTTOM) * (1 - v / most);

		this.svg.replaceChildren();
		this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
		for (const part of all.length > 0 ? [0, 0.5, 1] : [0]) {
			const at = y(most * part);
			svg("line", {x1: LEFT, x2: width - RIGHT, y1: at, y2: at,
			    class: "grid"}, this.svg);
			svg("text", {x: LEFT - 5, y: at + 4,
			    "text-anchor": "end"}, this.svg).textContent =
			    this.format(most * part);
		}
		for (const part of [0, 0.5, 1]) {
			svg("text", {x: LEFT + (width - LEFT - RIGHT) * part,
			    y: height - 3, "text-anchor":
			    ["start", "middle", "end"][part * 2]}, this.svg)
			    .textContent =
			    clock(this.from + (this.to - this.from) * part);
		}
		this.lines.forEach((line, i) => svg("path", {
			d: path(line.points, x, y),
			class: `line c${line.colour ?? i}` +
			    (line.dashed ? " dashed" : ""),
		}, this.svg));
		if (this.cursor !== null) {
			svg("line", {x1: x(this.cursor), x2: x(this.cursor),
			    y1: TOP, y2: height - BOTTOM, class: "cursor"},
			    this.svg);
		}
	}

	// What the lines are, now or where the cursor stands.
	tell() {
		const parts = this.lines.filter((l) => !l.dashed).map((line) => {
			const value = this.cursor === null && line.total
			    ? line.total : this.near(line.points)?.[1] ?? null;
			return [line, value === null ? "–"
			    : this.format(value)];
		});
		this.legend.replaceChildren();
		if (this.cursor !== null)
			html("span", clock(this.cursor, true) + " ", this.legend);
		parts.forEach(([line, text], i) => html("span",
		    `${line.name} ${text}`, this.legend,
		    `key c${line.colour ?? i}`));
		if (parts.length === 0)
			html("span", "none", this.legend);
		this.svg.setAttribute("aria-label", `${this.title}: ` +
		    (parts.map(([line, text]) => `${line.name} ${text}`)
		    .join(", ") || "none"));
	}

	near(points) {
		if (this.cursor === null)
			return points[points.length - 1] ?? null;
		return points.reduce((best, p) => best === null ||
		    Math.abs(p[0] - this.cursor) < Math.abs(best[0] - this.cursor)
		    ? p : best, null);
	}

	point(at) {
		if (this.lines === undefined)
			return;
		this.cursor = at === null ? null
		    : Math.min(Math.max(at, this.from), this.to);
		this.draw();
		this.tell();
	}

	key(e) {
		const step = {ArrowLeft: -1, ArrowRight: 1}[e.key];
		if (step === undefined)
			return;
		e.preventDefault();
		this.point((this.cursor ?? this.to) +
		    step * (this.to - this.from) / 60);
	}

	// The last dozen, evenly spread.
	tabulate() {
		if (!this.details.open || this.lines === undefined)
			return;
		const lines = this.lines.filter((l) => !l.dashed);
		const points = lines[0]?.points ?? [];
		const every = Math.max(1, Math.ceil(points.length / 12));
		this.table.replaceChildren();
		const head = html("tr", "", this.table);
		for (const name of ["Time", ...lines.map((l) => l.name)])
			html("th", name, head).scope = "col";
		for (let i = points.length - 1; i >= 0; i -= every) {
			const row = html("tr", "", this.table);
			html("th", clock(points[i][0], true), row).scope = "row";
			for (const line of lines) {
				const value = line.points[i]?.[1] ?? null;
				html("td", value === null ? "–"
				    : this.format(value), row);
			}
		}
	}
}
