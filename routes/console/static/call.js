// One call: what it was, where its time went, and how it ended.

import { snippet } from "../docs/elements.js";
import { ANSWERED, absolute, badge, begin, duration, el, ms, notice, post, read, say, tellTrouble, text, visible, when } from "./shared.js";

const id = decodeURIComponent(location.pathname.split("/").at(-1));
let me, timer;

begin(async (page, caller) => {
  me = caller;
  await show(page);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.target.matches("input, textarea")) history.length > 1 ? history.back() : location.assign(absolute("console"));
});

async function show(page) {
  const found = await read(`console/data/calls/${encodeURIComponent(id)}`);
  const { calls, running } = found;
  tellTrouble(found);
  const all = [...running.map(inFlight), ...calls.reverse().flatMap(ended)];
  page.replaceChildren(
    el("p", { className: "quiet" }, "Request ", el("code", {}, text(id)), ". The log has its lines under this id."),
    ...(all.length ? all : [notice("No call of this request is kept: it was long ago, it made no call, or it ran in another process.")]),
  );
  clearTimeout(timer);
  if (running.length) timer = setTimeout(() => document.contains(page) && show(page), 1000);
}

const facts = (pairs) => el("dl", { className: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "").flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
const heading = (call, state) => el("h2", {}, text(call.server), " / ", text(call.tool), " ", state);
const who = (call) => (call.caller === null ? "nobody: there is no authentication, or no credential" : text(call.caller));

function inFlight(call) {
  const cancel = el("button", { type: "button" }, "Cancel");
  cancel.onclick = async () => {
    await post("console/cancel", { process: call.process, number: call.number }).catch((error) => say(error.message));
    say("Cancelled");
  };
  const state = el("span", { className: "badge wait" }, "in flight");
  return el("section", {}, heading(call, state), facts([["running for", duration(call.now - call.begun)], ["began", when(call.begun)], ["version", call.version && text(call.version)], ["via", call.via], ["caller", who(call)]]), me.may.cancel ? cancel : null);
}

function ended(call) {
  return [
    heading(call, badge(call.outcome)),
    facts([
      ["began", when(call.begun)],
      ["took", ms(call.seconds)],
      ["version", call.version && text(call.version)],
      ["via", call.via],
      ["caller", who(call)],
      ["client", call.client && text(call.client)],
      ["answer", call.answered && ANSWERED[call.answered]],
      ["reason", call.problem && text(call.problem)],
      ["log", call.outcome === "tool-crashed" ? "The log has the traceback under the request id." : null],
      ["trace", call.trace && el("code", {}, call.trace)],
      ["process", call.process],
    ]),
    el("h3", {}, "Where the time went"),
    ...waterfall(call),
    ...content(call),
    snippet("The same with curl", curl(call)),
    el("p", {}, el("a", { href: absolute(`console/try?${new URLSearchParams({ server: call.server, tool: call.tool })}`) }, "Try this tool")),
  ];
}

const took = (seconds) => (seconds < 0.001 ? `${Math.max(seconds * 1e6, 0).toFixed(0)} µs` : ms(seconds));

/** Returns a line for each step of a call, which lasts until the next one begins, and for what its tool reported. */
function waterfall(call) {
  const flat = call.steps ?? [];
  const steps = flat.flatMap((name, at) => (at % 2 ? [] : [[name, flat[at + 1]]]));
  const phases = steps.map(([name, at], index) => {
    const [after, end] = steps[index + 1] ?? ["", call.seconds];
    return [name === "tool" && after.startsWith("waits for a place") ? "arguments of the tool" : name, at, end];
  });
  const marks = (call.marks ?? []).map(([at, name, words]) => [[name, words && ": ", text(words)], at, null]);
  const line = ([label, from, to]) => {
    const bar = el("span", { className: to === null ? "bar mark" : "bar" });
    bar.style.insetInlineStart = `${(100 * from) / (call.seconds || 1)}%`;
    if (to !== null) bar.style.width = `${(100 * (to - from)) / (call.seconds || 1)}%`;
    return el("li", {}, el("span", {}, label), el("span", { className: "track", ariaHidden: "true" }, bar), el("span", { className: "number" }, to === null ? `at ${ms(from)}` : took(to - from)));
  };
  const untold = steps.length ? "" : el("p", { className: "quiet" }, "Its steps are not known. They are noted while somebody looks at the console, of up to 400 calls a second.");
  return [untold, el("ul", { className: "fall" }, (phases.length ? [...phases, ...marks] : [["all of it", 0, call.seconds], ...marks]).map(line))];
}

function content(call) {
  if (!me.arguments) return [el("p", { className: "quiet" }, "Arguments and results are shown with MCP_CONSOLE_ARGUMENTS=1.")];
  if (!me.may.arguments) return [el("p", { className: "quiet" }, "Arguments and results are shown with the scope console:arguments.")];
  return [["Arguments", call.arguments], ["Result", call.result]].flatMap(([name, value]) => [
    el("h3", {}, name),
    value ? el("pre", { tabIndex: 0, role: "group", "aria-label": name }, el("code", {}, visible(indented(value)))) : el("p", { className: "quiet" }, "none, or no longer kept"),
  ]);
}

function indented(value) {
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

function curl(call) {
  const quoted = (value) => `'${value.replaceAll("'", "'\\''")}'`;
  const version = call.version ? `"version":${JSON.stringify(call.version)},` : "";
  const body = `{"server":${JSON.stringify(call.server)},"tool":${JSON.stringify(call.tool)},${version}"arguments":${call.arguments || "{}"}}`;
  const key = me.authentication ? '-H "Authorization: Bearer $KEY" ' : "";
  return visible(`curl -s ${absolute("call")} ${key}-H 'Content-Type: application/json' -d ${quoted(body)}`);
}
