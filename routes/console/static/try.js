// One tool to try: a form made of its schema or JSON, its progress, its questions, and its result.

import { indented, parsed } from "../docs/client.js";
import { snippet } from "../docs/elements.js";
import { absolute, badge, begin, el, ms, notice, read, say, send, text, visible } from "./shared.js";
import { Invalid, group } from "./form.js";

const MAX_SHOWN = 200_000;
const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const SOUNDS = /^audio\/[\w.+-]+$/;
const query = new URLSearchParams(location.search);
const ui = {};
let running = null;

begin(async (page, me) => {
  ui.key = me.authentication ? '-H "Authorization: Bearer $KEY" ' : "";
  if (!query.has("tool")) return page.append(el("p", {}, "Choose a tool on the page of ", el("a", { href: absolute("console/tools") }, "the tools"), "."));
  ui.tool = await read(`console/data/tool?${new URLSearchParams({ server: query.get("server") ?? "", tool: query.get("tool") })}`);
  const { server, name, description = "", inputSchema, annotations = {} } = ui.tool;
  document.title = `${visible(name)} · Console · Multi-MCP`;
  const hints = Object.entries(annotations).filter(([, value]) => value === true).map(([hint]) => el("span", { className: "badge" }, hint));
  ui.form = group({ schema: inputSchema, document: inputSchema, depth: 0, label: name, required: true });
  ui.json = el("textarea", { id: "json", rows: 10, spellcheck: false });
  ui.jsonBox = el("div", { className: "field", hidden: true }, el("label", { htmlFor: "json" }, "Arguments, as JSON"), ui.json);
  ui.wrong = el("p", { className: "failed", role: "alert" });
  ui.run = el("button", { type: "submit", className: "primary" }, "Call the tool");
  ui.answer = el("div", { className: "answer" });
  ui.curl = snippet("The same with curl", curl);
  const form = el("form", { className: "try", onsubmit: submit, oninput: () => ui.curl.refresh() }, modes(), ui.form.element, ui.jsonBox, ui.wrong, el("div", { className: "actions" }, ui.run));
  page.append(
    el("h2", {}, text(server), " / ", text(name), " ", hints),
    description.trim() ? el("p", { className: "quiet" }, text(description.trim())) : "",
    form, ui.answer, ui.curl,
  );
  ui.curl.refresh();
}, "");

function modes() {
  const button = (label, isJson) => {
    const made = el("button", { type: "button", ariaPressed: String(!isJson) }, label);
    made.onclick = () => change(isJson);
    return made;
  };
  ui.modes = [button("Form", false), button("JSON", true)];
  return el("div", { className: "switch", role: "group", "aria-label": "How arguments are given" }, ui.modes);
}

function change(toJson) {
  if (toJson === ui.isJson) return;
  try {
    if (toJson) ui.json.value = indented(ui.form.json());
    else ui.form.set(JSON.parse(ui.json.value || "{}"));
  } catch (error) {
    if (!toJson) return wrong(error); // what is no JSON would be lost
    ui.json.value ||= "{}";
  }
  ui.isJson = toJson;
  ui.form.element.hidden = toJson;
  ui.jsonBox.hidden = !toJson;
  for (const [at, each] of ui.modes.entries()) each.ariaPressed = String(toJson === Boolean(at));
  ui.wrong.textContent = "";
}

function wrong(error) {
  ui.wrong.textContent = visible(error.message);
  error.element?.focus();
}

/** Returns the arguments as JSON. Throws an error that says what is wrong. */
function given() {
  if (!ui.isJson) return ui.form.json();
  JSON.parse(ui.json.value || "{}");
  return ui.json.value || "{}";
}

function curl() {
  let body = "{}";
  try {
    body = given();
  } catch {
    // Not complete yet.
  }
  const text = `{"server":${JSON.stringify(ui.tool.server)},"tool":${JSON.stringify(ui.tool.name)},"arguments":${body}}`;
  return visible(`curl -s ${absolute("call")} ${ui.key}-H 'Content-Type: application/json' \\\n  -d '${text.replaceAll("'", "'\\''")}'`);
}

async function submit(event) {
  event.preventDefault();
  if (running) return running.abort();
  ui.wrong.textContent = "";
  try {
    ui.given = given();
  } catch (error) {
    return wrong(error instanceof Invalid ? error : new Error(`These arguments are not JSON: ${error.message}`));
  }
  await call("");
}

/** Calls the tool; `more` are the fields that continue a call, as JSON. Shows each report as it comes. */
async function call(more) {
  running = new AbortController();
  ui.run.textContent = "Cancel";
  const state = el("p", { role: "status" }, "Running…");
  const reports = el("div");
  ui.answer.replaceChildren(state, reports);
  const began = performance.now();
  try {
    const body = `{"server":${JSON.stringify(ui.tool.server)},"tool":${JSON.stringify(ui.tool.name)},"arguments":${ui.given}${more}}`;
    const headers = { "Content-Type": "application/json", Accept: "text/event-stream" };
    const answer = await send("console/call", { method: "POST", headers, body, signal: running.signal });
    const id = answer.headers.get("x-request-id");
    const took = () => ms((performance.now() - began) / 1000);
    if (!answer.ok) return show(state, "error", await answer.text(), took(), id);
    if (!answer.headers.get("content-type").startsWith("text/event-stream")) return show(state, answer.status === 202 ? "input-required" : "result", await answer.text(), took(), id);
    for await (const [name, data] of events(answer.body)) {
      if (name === "progress" || name === "log") report(reports, name, JSON.parse(data));
      else show(state, name, data, took(), id);
    }
  } catch (error) {
    state.className = "failed";
    state.textContent = error.name === "AbortError" ? "Cancelled" : `The router was not reached: ${error.message}`;
  } finally {
    running = null;
    ui.run.textContent = "Call the tool";
  }
}

async function* events(stream) {
  let left = "";
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const blocks = (left + part.value).split("\n\n");
    left = blocks.pop();
    for (const block of blocks) {
      const lines = block.split("\n").map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)]);
      const name = lines.find(([field]) => field === "event")?.[1];
      if (name) yield [name, lines.filter(([field]) => field === "data").map(([, data]) => data).join("\n")];
    }
  }
}

function report(reports, name, fields) {
  if (name === "progress") {
    ui.progress = reports.querySelector("progress") ?? reports.appendChild(el("progress", { "aria-label": "Progress" }));
    if (fields.total) [ui.progress.max, ui.progress.value] = [fields.total, fields.progress];
    const words = fields.message ?? `${fields.progress}${fields.total ? ` of ${fields.total}` : ""}`;
    return say(visible(words)), reports.append(el("p", { className: "quiet" }, text(words)));
  }
  reports.append(el("p", { className: "quiet" }, `${fields.level ?? "log"}: `, text(typeof fields.data === "string" ? fields.data : JSON.stringify(fields.data))));
}

function show(state, name, data, took, id) {
  const isGood = name === "result";
  const link = id ? [" · ", el("a", { href: absolute(`console/calls/${encodeURIComponent(id)}`) }, "this call")] : [];
  if (name === "input-required") {
    state.replaceChildren(badge("input-required"), ` · ${took}: the tool asks`, ...link);
    return ui.answer.append(questions(JSON.parse(data)));
  }
  const document = parsed(data);
  state.className = isGood ? "succeeded" : "failed";
  state.replaceChildren(isGood ? "Done" : visible(document.title ?? "Failed"), ` · ${took}`, ...link);
  if (!isGood) ui.answer.append(notice(visible([document.detail, ...(document.errors ?? []).map((each) => `${each.path}: ${each.reason}`)].join("\n")), "bad"));
  const shown = indented(data);
  const cut = shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}\n… and ${shown.length - MAX_SHOWN} more characters` : shown;
  ui.answer.append(...media(document.result), el("pre", { tabIndex: 0, role: "group", "aria-label": "Answer" }, el("code", {}, visible(cut))));
}

/** Returns the images and sounds of a result. */
function media(result) {
  const blocks = [result].flat().filter((block) => block?.data && typeof block.mimeType === "string");
  return blocks.flatMap((block) => {
    const isPicture = block.type === "image" && PICTURES.includes(block.mimeType);
    if (!isPicture && !(block.type === "audio" && SOUNDS.test(block.mimeType))) return [];
    try {
      const bytes = Uint8Array.from(atob(block.data), (letter) => letter.charCodeAt(0));
      const src = URL.createObjectURL(new Blob([bytes], { type: block.mimeType }));
      return [isPicture ? el("img", { src, alt: "The image in the result" }) : el("audio", { src, controls: true })];
    } catch {
      return [];
    }
  });
}

/** Returns a form for what a tool asks. Its answers continue the call. */
function questions({ inputRequests = {}, requestState }) {
  const asked = Object.entries(inputRequests).map(([name, request]) => [name, question(name, request)]);
  const wrongHere = el("p", { className: "failed", role: "alert" });
  const send = (action) => {
    try {
      const answers = asked.map(([name, each]) => `${JSON.stringify(name)}:${each.answer(action)}`);
      call(`,"requestState":${JSON.stringify(requestState ?? null)},"inputResponses":{${answers.join(",")}}`);
    } catch (error) {
      wrongHere.textContent = visible(error.message);
      error.element?.focus();
    }
  };
  const form = el("form", { className: "try questions" }, asked.map(([, each]) => each.element), wrongHere, el("div", { className: "actions" },
    el("button", { type: "submit", className: "primary" }, "Answer"),
    el("button", { type: "button", onclick: () => send("decline") }, "Decline")));
  form.onsubmit = (event) => {
    event.preventDefault();
    send("accept");
  };
  setTimeout(() => form.querySelector("input, select, textarea, button")?.focus());
  return form;
}

function question(name, { method, params = {} }) {
  const legend = params.message ?? name;
  if (method === "elicitation/create" && params.requestedSchema) {
    const fields = group({ schema: params.requestedSchema, document: params.requestedSchema, depth: 0, label: legend, required: true });
    return {
      element: el("fieldset", {}, el("legend", {}, text(legend)), fields.element),
      answer: (action) => (action === "accept" ? `{"action":"accept","content":${fields.json()}}` : `{"action":"${action}"}`),
    };
  }
  const id = `answer-${name}`;
  const control = el("textarea", { id, rows: 4, spellcheck: false, value: "{}" });
  return {
    element: el("fieldset", {}, el("legend", {}, text(legend)), el("pre", { tabIndex: 0, role: "group", "aria-label": "Question" }, visible(JSON.stringify({ method, params }, null, 2))), el("label", { htmlFor: id }, "Answer, as JSON"), control),
    answer: (action) => (action === "accept" ? (JSON.parse(control.value), control.value) : `{"action":"${action}"}`),
  };
}
