// Live calls: those in flight, then the last 500. Drawn at most four times a second.

import { ANSWERED, absolute, badge, begin, clock, duration, el, failed, framed, isError, ms, notice, percent, post, read, say, text, visible } from "./shared.js";

const MOST = 500;
const FIELDS = {
  server: ["Server", "text"],
  tool: ["Tool", "text"],
  via: ["Via", ["", "call", "tool-url", "ws", "graphql", "mcp", "aggregate"]],
  outcome: ["Outcome", ["", "ok", "errors", "refused"]],
  caller: ["Caller", "text"],
  slower: ["Slower than (ms)", "number"],
  find: ["Find (id, tool, error)", "search"],
};
const REFUSED = ["unauthenticated", "forbidden", "rate-limited", "share-exceeded"];
const COLUMNS = [["Time", "time"], ["Tool", "name"], ["Via", "less"], ["Caller", "less"], ["Client", "less"], ["Outcome"], ["Duration", "number"]];

const processes = new Map(); // by name: its last state, and when it came
const over = new Set(); // calls that have ended: the state of another process may be a second old
const rows = new Map(); // of calls in flight, by process and number
let me, waiting = [], paused = false, missed = 0, trouble = "", reach = "process", dirty = false;
const filter = Object.fromEntries(new URLSearchParams(location.search));
const ui = {};

begin((page, caller) => {
  me = caller;
  ui.tiles = el("dl", { className: "tiles" });
  ui.notice = el("div", { "aria-live": "polite" });
  ui.running = el("tbody");
  ui.ended = el("tbody");
  ui.pause = el("button", { type: "button", ariaPressed: "false", onclick: togglePause }, "Pause");
  ui.empty = el("p", { className: "empty" }, "No calls yet. They appear here as they are made.");
  page.append(ui.notice, ui.tiles, filters(), framed("Calls", tableOfCalls(), ui.empty), keys());
  drawTiles();
  connect();
  setInterval(draw, 250);
});

function tableOfCalls() {
  const heads = COLUMNS.map(([name, kind = ""]) => el("th", { scope: "col", className: kind }, name));
  const caption = el("caption", { className: "status" }, "Calls: those in flight first, then the last ones");
  return el("table", {}, caption, el("thead", {}, el("tr", {}, heads)), ui.running, ui.ended);
}

function keys() {
  const key = (name) => el("kbd", {}, name);
  return el("p", { className: "keys" }, "Keys: ", key("/"), " filter, ", key("j"), " and ", key("k"), " move, ", key("Enter"), " opens, ", key("Esc"), " leaves, ", key("p"), " pauses.");
}

function filters() {
  const made = Object.entries(FIELDS).map(([name, [label, kind]]) => {
    const id = `filter-${name}`;
    const input = Array.isArray(kind)
      ? el("select", { id }, kind.map((value) => el("option", { value }, value || "all")))
      : el("input", { id, type: kind, autocomplete: "off", spellcheck: false });
    input.value = filter[name] ?? "";
    input.oninput = () => refilter(name, input.value);
    return el("div", { className: `by-${name}` }, el("label", { htmlFor: id }, label), input);
  });
  ui.find = made.at(-1).querySelector("input");
  return el("form", { className: "filters", role: "search", onsubmit: (event) => event.preventDefault() }, made, ui.pause);
}

function refilter(name, value) {
  filter[name] = value;
  const query = new URLSearchParams(Object.entries(filter).filter(([key, each]) => key in FIELDS && each !== ""));
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  for (const row of [...ui.ended.rows, ...ui.running.rows]) row.hidden = !fits(row.call);
}

function fits(call) {
  const has = (name) => !filter[name] || String(call[name] ?? "").toLowerCase().includes(filter[name].toLowerCase());
  const slow = !filter.slower || (call.seconds ?? Infinity) * 1000 > Number(filter.slower);
  const words = [call.request_id, call.server, called(call), call.caller, call.client, call.outcome, call.problem].join(" ").toLowerCase();
  return has("server") && has("tool") && has("caller") && (!filter.via || call.via === filter.via) && slow
    && fitsOutcome(call.outcome) && (!filter.find || words.includes(filter.find.toLowerCase()));
}

function fitsOutcome(outcome) {
  if (!filter.outcome) return true;
  if (outcome === undefined) return false;
  if (filter.outcome === "errors") return isError(outcome);
  return filter.outcome === "refused" ? REFUSED.includes(outcome) : outcome === filter.outcome;
}

addEventListener("pageshow", (event) => event.persisted && connect());

function connect() {
  const source = new EventSource(absolute("console/data/events"));
  // A page that the browser keeps for "back" would keep its connection, of which there are six for one host.
  addEventListener("pagehide", () => source.close(), { once: true });
  source.addEventListener("state", (event) => {
    const data = JSON.parse(event.data);
    ({ trouble, reach } = data);
    const known = new Set(data.processes.map((each) => each.process));
    for (const name of processes.keys()) if (!known.has(name)) processes.delete(name);
    for (const each of data.processes) processes.set(each.process, { ...each, came: performance.now() });
    dirty = true;
  });
  source.addEventListener("calls", (event) => {
    const data = JSON.parse(event.data);
    if (data.start) {
      waiting = [];
      ui.ended.replaceChildren();
    }
    missed += data.missed;
    waiting.push(...data.calls);
    for (const call of data.calls) over.add(nameOf(call));
    while (over.size > 2 * MOST) over.delete(over.values().next().value);
    if (waiting.length > MOST) waiting = waiting.slice(-MOST);
    dirty = true;
  });
  source.onopen = () => (ui.lost = false);
  source.onerror = () => {
    ui.lost = true;
    dirty = true;
    // A refusal closes the stream for good: the browser does not try again.
    if (source.readyState === EventSource.CLOSED) read("console/data/servers").then(() => setTimeout(connect, 2000), (error) => failed(error, () => location.reload()));
  };
}

function draw() {
  drawClocks();
  if (!dirty) return;
  dirty = false;
  drawTiles();
  drawNotice();
  if (paused) {
    ui.pause.textContent = `Resume (${waiting.length} new)`;
    return;
  }
  drawRunning();
  drawEnded();
  ui.empty.hidden = ui.running.rows.length + ui.ended.rows.length > 0;
}

function drawNotice() {
  const lines = [];
  if (ui.lost) lines.push("The connection to the router is lost. Trying again…");
  if (trouble) lines.push(trouble);
  if (missed) lines.push(`${missed} calls came faster than this page reads, and are not in the list. The figures above count them.`);
  if (ui.said === lines.join()) return;
  ui.said = lines.join();
  ui.notice.replaceChildren(...lines.map((line) => notice(line)));
}

function drawTiles() {
  const all = [...processes.values()];
  const sum = (name) => all.reduce((total, each) => total + each[name], 0);
  const [p50, p95, p99] = all.length === 1 ? [all[0].p50, all[0].p95, all[0].p99] : sampled();
  const tiles = {
    "calls a second": all.length ? sum("rate").toFixed(1) : "–",
    "errors, 1 min": percent(sum("errors"), sum("calls")),
    "p50 duration": ms(p50),
    "p95 duration": ms(p95),
    "p99 duration": ms(p99),
    "in flight": sum("in_flight"),
    "refused, 1 min": sum("refusals"),
    "MCP sessions": sum("sessions"),
    "WebSockets": sum("sockets"),
  };
  if (reach !== "process") tiles[reach] = all.length;
  if (!ui.values || ui.tiles.children.length !== Object.keys(tiles).length) {
    ui.values = {};
    ui.tiles.replaceChildren(...Object.keys(tiles).map((name) => el("div", {}, el("dt", {}, name), (ui.values[name] = el("dd")))));
  }
  for (const [name, value] of Object.entries(tiles)) if (ui.values[name].textContent !== String(value)) ui.values[name].textContent = value;
}

function sampled() {
  const seconds = [...ui.ended.rows].map((row) => row.call.seconds).sort((a, b) => a - b);
  return [50, 95, 99].map((part) => seconds[Math.min(Math.floor((seconds.length * part) / 100), seconds.length - 1)]);
}

function drawRunning() {
  const all = [...processes.values()].flatMap((state) => state.running.map((call) => ({ ...call, process: state.process, age: state.now - call.begun, came: state.came })));
  const found = all.filter((call) => !over.has(nameOf(call)));
  const names = new Set(found.map(nameOf));
  for (const [name, row] of rows) {
    if (!names.has(name)) {
      row.remove();
      rows.delete(name);
    }
  }
  for (const call of found.sort((a, b) => b.age - a.age)) {
    const row = rows.get(nameOf(call)) ?? runningRow(call);
    Object.assign(row.call, call);
    if (call.cancelling) row.cancel?.setAttribute("aria-disabled", "true");
    row.hidden = !fits(row.call);
    if (row.parentNode !== ui.running) ui.running.append(row);
  }
}

const nameOf = (call) => `${call.process} ${call.number}`;

function runningRow(call) {
  const since = el("span");
  const cancel = el("button", { type: "button", "aria-label": `Cancel ${visible(call.tool)}` }, "Cancel");
  const row = rowOf(call, el("span", { className: "badge wait" }, "in flight"), [since, ...(me.may.cancel ? [" ", cancel] : [])]);
  row.className = "running";
  row.since = since;
  row.cancel = cancel;
  cancel.onclick = async () => {
    if (cancel.ariaDisabled === "true") return;
    cancel.ariaDisabled = "true";
    cancel.textContent = "Cancelling…";
    try {
      const { cancelled } = await post("console/cancel", { process: call.process, number: call.number });
      say(cancelled ? `Cancelled ${visible(call.tool)}` : "The call has already ended");
    } catch (error) {
      say(error.message);
      ui.notice.append(notice(error.message, "bad"));
    }
  };
  rows.set(nameOf(call), row);
  return row;
}

function drawClocks() {
  const now = performance.now();
  if (!paused) for (const row of ui.running.rows) row.since.textContent = duration(row.call.age + (now - row.call.came) / 1000);
}

function drawEnded() {
  const fresh = waiting.map((call) => rowOf(call, outcomeOf(call), ms(call.seconds))).reverse();
  waiting = [];
  ui.ended.prepend(...fresh);
  // Calls of another process may come late: those that it kept while nobody looked.
  const end = (row) => row.call.begun + row.call.seconds;
  const drawn = [...ui.ended.rows];
  if (fresh.length && drawn.some((row, at) => at && end(row) > end(drawn[at - 1]) + 0.5)) {
    const focused = document.activeElement;
    ui.ended.append(...drawn.sort((a, b) => end(b) - end(a)));
    focused.focus();
  }
  while (ui.ended.rows.length > MOST) {
    const last = ui.ended.rows[ui.ended.rows.length - 1];
    if (last.contains(document.activeElement)) ui.find.focus();
    last.remove();
  }
}

const called = (call) => (call.version ? `${call.tool}@${call.version}` : call.tool);
const outcomeOf = (call) => [badge(call.outcome), call.answered ? el("span", { className: "keys" }, ` ${ANSWERED[call.answered]}`) : null];

function rowOf(call, outcome, took) {
  const open = el("a", { href: absolute(`console/calls/${encodeURIComponent(call.request_id)}`) }, text(called(call)));
  const cells = [clock(call.begun), [text(call.server), " / ", open], call.via, call.caller === null ? "–" : text(call.caller), call.client ? text(call.client) : "–", outcome, took];
  const row = el("tr", {}, cells.map((cell, at) => el("td", { className: COLUMNS[at][1] ?? "" }, cell)));
  row.call = call;
  row.hidden = !fits(call);
  return row;
}

function togglePause() {
  paused = !paused;
  ui.pause.ariaPressed = String(paused);
  ui.pause.textContent = paused ? "Resume (0 new)" : "Pause";
  dirty = true;
  draw();
}

function move(by) {
  const links = [...ui.running.querySelectorAll("tr:not([hidden]) a"), ...ui.ended.querySelectorAll("tr:not([hidden]) a")];
  const at = links.indexOf(document.activeElement?.closest("tr")?.querySelector("a"));
  links[at < 0 ? 0 : Math.min(Math.max(at + by, 0), links.length - 1)]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !ui.find) return;
  if (event.key === "Escape") return document.activeElement.blur();
  if (event.target.matches("input, select, textarea")) return;
  const act = { "/": () => ui.find.focus(), j: () => move(1), k: () => move(-1), p: togglePause }[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});
