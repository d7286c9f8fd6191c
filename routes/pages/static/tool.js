// One tool that can be opened and tried.

import { absolute, hasKey, indented, send } from "./client.js";
import { el, prose, say, snippet } from "./elements.js";

const MAX_SHOWN = 200_000;
const LIMITS = { minimum: "≥", exclusiveMinimum: ">", maximum: "≤", exclusiveMaximum: "<" };
const FAR = 1e15; // a limit beyond it tells a person nothing

/** Returns the parts of a tool from its operation in the OpenAPI document. */
export function toolOf(path, operation, document) {
  const [, server, , , name] = path.split("/").map(decodeURIComponent);
  const { schema, example } = operation.requestBody.content["application/json"];
  return { ...operation, path, server, name, example, schema: resolved(schema, document), document };
}

function resolved(schema, document) {
  let found = schema;
  for (let steps = 0; found?.$ref?.startsWith("#/components/schemas/") && steps < 8; steps++) {
    found = document.components.schemas[found.$ref.slice("#/components/schemas/".length)];
  }
  return found ?? {};
}

/** Returns curl's command for a JSON body. `$KEY` stands for the key. */
export function curl(path, body) {
  const key = hasKey() ? ['-H "Authorization: Bearer $KEY"'] : [];
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const url = absolute(path.slice(1));
  return [
    `curl -s ${/^[\w:/.%-]+$/.test(url) ? url : quoted(url)}`,
    ...key,
    "-H 'Content-Type: application/json'",
    `-d ${quoted(body)}`,
  ].join(" \\\n  ");
}

/** Returns the first line about a tool, if it says more than the name. */
export const summaryOf = (tool) => (tool.summary === tool.name ? [] : prose(tool.summary));

/** Returns a tool as an element, whose contents are made when it is opened. */
export function toolElement(tool) {
  const about = el("span", { className: "about" }, summaryOf(tool));
  const element = el("details", { className: "tool", id: tool.operationId });
  element.append(el("summary", {}, el("code", {}, tool.name), " ", about));
  element.addEventListener("toggle", () => element.open && element.childElementCount === 1 && fill(element, tool));
  return element;
}

function fill(element, tool) {
  const { description = "", schema } = tool;
  const names = Object.keys(schema.properties ?? {});
  element.append(
    el(
      "div",
      { className: "inside" },
      description.trim() && description.trim() !== tool.summary
        ? scrolled("Description", "p", ...prose(description.trim()))
        : null,
      names.length ? scrolled("Arguments", "dl", ...names.flatMap((name) => argument(name, tool))) : null,
      trial(tool),
    ),
  );
}

/** Returns an element that is scrolled if it is long, also with the keyboard. */
export function scrolled(label, tag, ...children) {
  const box = el("div", { className: "scrolled", role: "group", "aria-label": label }, el(tag, {}, ...children));
  new ResizeObserver(() => (box.tabIndex = box.scrollHeight > box.clientHeight ? 0 : -1)).observe(box);
  return box;
}

function argument(name, { schema, document }) {
  const own = schema.properties[name] ?? {};
  const needed = schema.required?.includes(name) ? "required" : "optional";
  const about = own.description ?? resolved(own, document).description ?? "";
  return [
    el(
      "dt",
      {},
      el("code", {}, name),
      " ",
      el("span", { className: "kind" }, kindOf(own, document)),
      " ",
      el("span", { className: needed }, needed),
    ),
    el("dd", {}, prose(String(about))),
  ];
}

/** Returns the type of a value in words, such as `array of integer`; nothing for a schema that is none. */
function kindOf(schema, document) {
  try {
    return clipped(kind(schema, document, 0));
  } catch {
    return "";
  }
}

function kind(schema, document, depth) {
  const found = resolved(schema, document);
  const within = (inner) => (depth < 3 ? kind(inner, document, depth + 1) : "…");
  if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(" or ");
  if ("const" in found) return JSON.stringify(found.const);
  const branches = found.anyOf ?? found.oneOf;
  if (branches) return [...new Set(branches.map(within))].join(" or ");
  if (found.type === "array")
    return found.items && Object.keys(found.items).length ? `array of ${within(found.items)}` : "array";
  const type = [found.type ?? "any"].flat().join(" or ") + (found.format ? ` (${found.format})` : "");
  const limits = Object.entries(LIMITS).filter(
    ([word]) => typeof found[word] === "number" && Math.abs(found[word]) < FAR,
  );
  return [type, ...limits.map(([word, sign]) => `${sign} ${found[word]}`)].join(" ");
}

const clipped = (text) => (text.length > 120 ? `${text.slice(0, 119)}…` : text);

function trial(tool) {
  const id = `${tool.operationId}-arguments`;
  const sample = JSON.stringify(tool.example ?? {}, null, 2);
  const rows = Math.min(Math.max(sample.split("\n").length, 2), 14);
  const input = el("textarea", { id, value: sample, rows, spellcheck: false, autocomplete: "off" });
  const command = snippet("The same with curl", () => curl(tool.path, oneLine(input.value)));
  const run = el("button", { type: "submit", className: "primary" }, "Try it");
  const output = el("div", { className: "output" });
  input.addEventListener("input", command.refresh);
  input.addEventListener(
    "keydown",
    (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && form.requestSubmit(),
  );
  const form = el(
    "form",
    {},
    el("label", { htmlFor: id }, "Arguments, as JSON"),
    input,
    el("div", { className: "actions" }, run, el("code", { className: "quiet" }, `POST ${tool.path}`)),
    output,
    command,
  );
  let running = null;
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (running) return running.abort();
    running = new AbortController();
    run.textContent = "Cancel";
    output.replaceChildren(...(await called(tool, input.value, running.signal)));
    say(output.firstElementChild.textContent);
    run.textContent = "Try it";
    running = null;
  };
  return form;
}

async function called(tool, body, signal) {
  const started = performance.now();
  try {
    JSON.parse(body);
  } catch (error) {
    return [el("p", { className: "failed" }, `These arguments are not JSON: ${error.message}`)];
  }
  try {
    const headers = { "Content-Type": "application/json", Accept: "application/json" };
    const answer = await send(tool.path.slice(1), { method: "POST", headers, body, signal });
    const text = indented(await answer.text());
    const took = Math.round(performance.now() - started);
    const status = `${answer.status} ${answer.statusText} · ${took} ms${answer.status === 202 ? " · the tool asks for input" : ""}`;
    const shown =
      text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}\n… and ${text.length - MAX_SHOWN} more characters` : text;
    const box = el("pre", { tabIndex: 0, role: "group", "aria-label": "Answer" }, el("code", {}, shown));
    return [el("p", { className: answer.ok ? "succeeded" : "failed" }, status), box];
  } catch (error) {
    const reason = error.name === "AbortError" ? "Cancelled" : `The router was not reached: ${error.message}`;
    return [el("p", { className: "failed" }, reason)];
  }
}

/** Returns JSON without line breaks; the text as it is if it is no JSON. */
export function oneLine(text) {
  return indented(text).replace(/\n\s*/g, (found, at, whole) => (/[,]/.test(whole[at - 1]) ? " " : ""));
}
