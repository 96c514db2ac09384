"use strict";
// Follows a run by server-sent events. Whatever comes is shown as text.

const shown = 120; // seconds in the charts
const moment = 0.25; // seconds; the end of an attack, when it is shorter, says little
const kept = { seconds: 300, lines: 200 };
const $ = (id) => document.getElementById(id);
const svgNS = "http://www.w3.org/2000/svg";

let run = null; // the State of the server, kept up to date
let skew = 0; // the server's clock less ours, ms

// element returns an element with its classes and its text.
function element(name, classes, text) {
  const e = document.createElement(name);
  if (classes) e.className = classes;
  if (text !== undefined) e.textContent = text;
  return e;
}

function shape(name, attributes) {
  const e = document.createElementNS(svgNS, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  return e;
}

// Numbers as a reader wants them.
function number(x) {
  if (x !== 0 && Math.abs(x) < 10) return x.toFixed(1);
  return Math.round(x).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

function millis(ms) {
  if (ms < 10) return ms.toFixed(2) + " ms";
  if (ms < 100) return ms.toFixed(1) + " ms";
  if (ms < 10000) return ms.toFixed(0) + " ms";
  return (ms / 1000).toFixed(1) + " s";
}

function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  return (h ? h + " h " : "") + (h || m ? m + " min " : "") + (s % 60) + " s";
}

const clock = (ms) => new Date(ms).toTimeString().slice(0, 8);
const now = () => Date.now() + skew;

// cell returns the name of a cell, which may break behind its slashes.
function cell(name) {
  const code = element("code");
  for (const part of name.split(/(?<=\/)/)) code.append(part, document.createElement("wbr"));
  return code;
}

// What the run is at.
function showDoing() {
  const d = run.doing;
  $("cell").replaceChildren(d.build ? d.build + ": " : "", d.cell ? cell(d.cell) : d.text);
  if (!d.cell) {
    $("doing").textContent = "";
    return;
  }
  const whole = { "warming up": d.warmup, "measuring": d.duration }[d.stage];
  const since = Math.min(Math.floor((now() - d.since) / 1000), whole || 0);
  const stage = whole ? `${d.stage} ${Math.max(0, since)} of ${+whole.toFixed(1)} s` : d.stage;
  $("doing").textContent = `${stage} at ${d.load}; ${d.phase}, ${d.text}`;
}

function showTimes() {
  if (!run) return;
  const d = run.doing, gone = (now() - run.began) / 1000;
  const left = Math.max(0, d.left - (now() - d.at) / 1000);
  if (run.end) {
    $("bar").value = 1;
  } else if (d.left > 0) {
    $("bar").value = gone / Math.max(gone + left, 1e-9);
    $("times").textContent = `${Math.round(100 * $("bar").value)} %, ${span(gone)} gone, about ${span(left)} left`;
    showDoing();
  } else {
    $("times").textContent = `${span(gone)} gone`;
    showDoing();
  }
}

function showRecent() {
  const r = run.recent;
  $("good").textContent = r ? number(r.good) + "/s" : "–";
  $("errors").textContent = r ? number(r.errors) + "/s" : "–";
  $("errors").className = r && r.errors > 0 ? "bad" : "";
  $("p50").textContent = r && r.answers ? millis(r.p50) : "–";
  $("p99").textContent = r && r.answers ? millis(r.p99) : "–";
  $("in-flight").textContent = r ? number(r.in_flight) : "–";
  $("figures").className = r && r.old ? "old" : "";
  $("rests").textContent = r && r.old ? "So far nothing has come back; these are of the load before." : r
    ? `Of the last ${+r.span.toFixed(1)} s, ${number(r.answers)} answers; response times count from the scheduled time. Due were ${number(r.due)}/s.`
    : "No answers yet.";
}

function showSeconds() {
  $("seconds").replaceChildren(...run.seconds.slice(-10).reverse().map((s) => {
    const row = element("tr");
    row.append(element("th", "", clock(s.at) + (s.warmup ? " warm-up" : "")));
    for (const v of [number(s.due), number(s.good), number(s.errors), number(s.in_flight), s.p50.toFixed(2), s.p99.toFixed(2), s.max.toFixed(2)]) {
      row.append(element("td", "", v));
    }
    row.firstChild.scope = "row";
    return row;
  }));
}

// The race.
function bar(row, most) {
  const svg = shape("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
  const wide = (x) => (most > 0 ? (100 * x) / most : 0);
  svg.append(shape("rect", { class: "bar-through", y: 0, height: 10, width: wide(row.throughput) }));
  svg.append(shape("rect", { class: "bar-good", y: 2.5, height: 5, width: wide(row.sustained) }));
  return svg;
}

function showRace() {
  const race = run.race || [];
  $("race").hidden = race.length === 0;
  const most = Math.max(...race.map((r) => Math.max(r.sustained, r.throughput)), 0);
  const rate = (x) => (x ? number(x) : "–");
  $("cells").replaceChildren(...race.map((r) => {
    const measured = r.sustained || r.throughput;
    const row = element("tr", r.cell === run.doing.cell && !run.end ? "now" : measured ? "" : "out");
    const name = element("th", "", r.server);
    name.scope = "row";
    const size = `${r.instances > 1 ? r.instances + " · " : ""}${r.workers} × ${r.threads}`;
    name.append(element("span", "also", `${r.proxy}, ${size}`)); // where there is no room for columns of their own
    const bars = element("td", "bars");
    bars.append(bar(r, most));
    row.append(name, element("td", "l wide", r.proxy), element("td", "wide", size),
      element("td", "", rate(r.sustained)), element("td", "wide", rate(r.throughput)), bars, element("td", "wide", r.starts), element("td", "l", r.state));
    return row;
  }));
}

// The log, newest first.
function logLine(l) {
  const li = element("li");
  const text = element("span", "");
  const marked = l.text.startsWith(l.kind) ? l.kind : "";
  text.append(element("span", marked, marked), l.text.slice(marked.length));
  if (l.cell) text.append(cell(l.cell));
  li.append(element("time", "", clock(l.at)), text);
  return li;
}

function addLine(l) {
  run.lines.push(l);
  $("log").prepend(logLine(l));
  while (run.lines.length > kept.lines) {
    run.lines.shift();
    $("log").lastChild.remove();
  }
}

function showCounts() {
  const c = run.counts, sum = c.passed + c.failed + c.void;
  $("counts").textContent = sum ? `${sum} trial${sum === 1 ? "" : "s"}: ${c.passed} passed, ${c.failed} failed, ${c.void} void.` : "No trial has ended yet.";
}

// Charts: steps of a second on an axis of time that ends now.
class Chart {
  constructor(id, series, scale) {
    this.svg = $(id);
    this.at = $(id + "-at");
    this.series = series;
    this.scale = scale;
    this.svg.addEventListener("pointermove", (e) => { this.cursor = e.offsetX; this.draw(); });
    this.svg.addEventListener("pointerleave", () => { this.cursor = undefined; this.draw(); });
  }

  draw() {
    const box = { left: 52, right: 10, top: 8, bottom: 22, width: this.svg.clientWidth, height: this.svg.clientHeight };
    const end = run && run.seconds.length ? Math.max(run.end ? 0 : now(), run.seconds.at(-1).at) : Date.now();
    const seconds = run ? run.seconds.filter((s) => s.at > end - shown * 1000 && s.span >= moment) : [];
    const x = (t) => box.left + (box.width - box.left - box.right) * Math.max(0, 1 - (end - t) / (shown * 1000));
    const axis = this.scale(seconds.flatMap((s) => this.series.map((n) => s[n])));
    const y = (v) => box.height - box.bottom - (box.height - box.top - box.bottom) * axis.share(v);
    const parts = seconds.filter((s) => s.warmup).map((s) => {
      const from = x(s.at - 1000 * s.span);
      return shape("rect", { class: "warm", x: from, y: box.top, width: Math.max(0, x(s.at) - from), height: box.height - box.top - box.bottom });
    });
    parts.push(...this.grid(axis, box, x, y, end));
    for (const name of this.series) {
      parts.push(shape("path", { class: "series " + name, d: this.path(seconds, name, x, y, axis) }));
    }
    this.read(seconds, box, x, parts);
    this.svg.replaceChildren(...parts);
  }

  grid(axis, box, x, y, end) {
    const parts = [];
    for (const tick of axis.ticks) {
      parts.push(shape("line", { class: "grid", x1: box.left, x2: box.width - box.right, y1: y(tick), y2: y(tick) }));
      const label = shape("text", { x: box.left - 6, y: y(tick) + 4, "text-anchor": "end" });
      label.textContent = tick < 1 && tick > 0 ? tick : tick.toString().replace(/\B(?=(\d{3})+$)/g, ",");
      parts.push(label);
    }
    for (let ago = 0; ago <= shown; ago += box.width < 400 ? 60 : 30) {
      const label = shape("text", { x: x(end - 1000 * ago), y: box.height - 6, "text-anchor": ago === 0 ? "end" : ago === shown ? "start" : "middle" });
      label.textContent = ago === 0 ? (run && run.end ? "end" : "now") : `−${ago} s`;
      parts.push(label);
    }
    return parts;
  }

  // path draws a step a second; a new one begins after a gap or with a trial.
  path(seconds, name, x, y, axis) {
    let d = "", before = null;
    for (const s of seconds) {
      const from = s.at - 1000 * s.span;
      if (!axis.holds(s[name]) || (name !== "errors" && name !== "due" && name !== "good" && s.answers === 0)) {
        before = null;
        continue;
      }
      const joins = before && before.trial === s.trial && from - before.at < 500;
      d += joins ? `V${y(s[name]).toFixed(1)}` : `M${x(from).toFixed(1)} ${y(s[name]).toFixed(1)}`;
      d += `H${x(s.at).toFixed(1)}`;
      before = s;
    }
    return d;
  }

  // read says what the second under the pointer has, or else the last one.
  read(seconds, box, x, parts) {
    let s = seconds.at(-1);
    if (this.cursor !== undefined) {
      s = seconds.find((s) => x(s.at - 1000 * s.span) <= this.cursor && this.cursor < x(s.at));
      parts.push(shape("line", { class: "cursor", x1: this.cursor, x2: this.cursor, y1: box.top, y2: box.height - box.bottom }));
    }
    const unit = this.series.includes("p50") ? millis : (v) => number(v) + "/s";
    const text = s ? this.series.map((n) => `${n} ${unit(s[n])}`).join(", ") : "no load";
    this.at.textContent = s ? `${clock(s.at)}${s.warmup ? ", warm-up" : ""}: ${text}` : "No load in this second.";
    if (this.cursor === undefined) this.svg.setAttribute("aria-label", `${this.series.includes("p50") ? "Response time" : "Requests per second"} over the last two minutes; last: ${text}`);
  }
}

// linear begins at zero and ends at a round number above all values.
function linear(values) {
  const most = Math.max(...values, 1);
  const power = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s * 4 >= most);
  const top = step * Math.ceil(most / step);
  const ticks = [];
  for (let t = 0; t <= top * 1.0001; t += step) ticks.push(+t.toPrecision(6));
  return { ticks, share: (v) => v / top, holds: () => true };
}

// logarithmic spans the decades of the values, which are above zero.
function logarithmic(values) {
  const some = values.filter((v) => v > 0);
  const low = Math.floor(Math.log10(Math.min(...some, 10)));
  const high = Math.max(Math.ceil(Math.log10(Math.max(...some, 10))), low + 1);
  const ticks = [];
  for (let d = low; d <= high; d++) {
    for (const f of high - low > 2 ? [1] : [1, 2, 5]) {
      if (d < high || f === 1) ticks.push(+(f * 10 ** d).toPrecision(3));
    }
  }
  return { ticks, share: (v) => (Math.log10(Math.max(v, 10 ** low)) - low) / (high - low), holds: (v) => v > 0 };
}

const charts = [
  new Chart("rates", ["due", "errors", "good"], linear),
  new Chart("times-of-answers", ["p50", "p99"], logarithmic),
];

function showCharts() { for (const c of charts) c.draw(); }

function showStatus(text, classes) {
  $("status").textContent = text;
  $("status").className = classes || "";
}

function showEnd() {
  const e = run.end;
  document.title = `ended: ${run.scenario}, sweetspot`;
  const good = ["recommended", "pass", "improved"].includes(e.outcome);
  showStatus(`The run has ended, ${e.outcome}: ${e.text}.` + (e.report ? `\nReport: ${e.report}` : ""), good ? "over" : "alert");
  $("times").textContent = `It took ${span((now() - run.began) / 1000)}.`;
  $("cell").textContent = "Nothing runs any more.";
  $("doing").textContent = "";
  run.recent = null;
  showTimes();
  showRecent();
  showRace();
  showCharts();
  $("rests").textContent = "";
}

function showAll() {
  document.title = `${run.scenario}, sweetspot live`;
  $("name").textContent = run.scenario;
  $("objectives").textContent = run.objectives && run.objectives.length ? "Objectives: " + run.objectives.join("; ") : "";
  $("dir").textContent = run.dir ? "Run directory: " + run.dir : "";
  $("log").replaceChildren(...[...run.lines].reverse().map(logLine));
  showStatus("Following the run.");
  showDoing();
  showTimes();
  showRecent();
  showRace();
  showCounts();
  showSeconds();
  showCharts();
}

const events = {
  run(state) {
    run = state;
    run.seconds = run.seconds || [];
    run.lines = run.lines || [];
    skew = run.now - Date.now();
    showAll();
  },
  begin(doing) {
    run.doing = doing;
    if (run.recent) run.recent.old = true;
    showTimes();
    showRecent();
    showRace();
  },
  interval(i) {
    run.doing = i.doing;
    run.recent = i.recent;
    run.seconds.push(i.second);
    if (run.seconds.length > kept.seconds) run.seconds.shift();
    showTimes();
    showRecent();
    showSeconds();
    showCharts();
  },
  trial(line) { addLine(line); },
  race(r) {
    run.race = r.race;
    run.counts = r.counts;
    showRace();
    showCounts();
  },
  note(line) { addLine(line); },
  end(end) {
    run.end = end;
    source.close();
    showEnd();
  },
};

const source = new EventSource("events");
for (const [name, show] of Object.entries(events)) {
  source.addEventListener(name, (e) => show(JSON.parse(e.data)));
}
source.onerror = () => showStatus("The connection is lost. The run goes on without this page; trying again.", "alert");
setInterval(() => { if (run && !run.end) { showTimes(); showCharts(); } }, 1000);
addEventListener("resize", showCharts);
