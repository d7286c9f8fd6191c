// The page of GraphQL: a document, its variables, its answer, and the schema. The key stays in the memory of the page.

import { hasKey, indented, root, send, setKey } from "./client.js";
import { el, say, snippet } from "./elements.js";

const path = location.pathname.slice(root.pathname.length).replace(/\/$/, "");
const [keyForm, ask, output, schema] = ["key-form", "ask", "output", "schema"].map((id) => document.getElementById(id));
const [text, variables] = ["document", "variables"].map((id) => document.getElementById(id));
const SAMPLES = { Int: "1", Long: "1", Float: "1.5", String: '"text"', Boolean: "true", JSON: "null" };
const PARTS = "{ name args { name type { kind name ofType { name } } } type { kind name } }";
const FIELDS = `{ __schema { queryType { fields { name type { ofType { name fields ${PARTS} } } } }
  mutationType { fields ${PARTS} } } }`;

const post = (query, given) =>
  send(path, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json" },
    body: `{"query":${JSON.stringify(query)},"variables":${given}}`,
  });

/** Shows the schema, or asks for a key. */
async function show() {
  const answer = await send(`${path}/schema.graphql`);
  const refused = answer.status === 401;
  keyForm.hidden = !refused;
  ask.hidden = refused;
  if (refused) {
    document.getElementById("key-error").textContent = hasKey() ? "This key is not valid." : "";
    document.getElementById("key").focus();
    return;
  }
  const sdl = await answer.text();
  if (!answer.ok) throw new Error(sdl);
  schema.replaceChildren(el("h2", {}, "Schema"), snippet("schema.graphql", sdl));
  text.value ||= sample((await (await post(FIELDS, "{}")).json()).data.__schema);
  text.focus();
}

/** Returns a document that calls a tool with arguments of plain types, if there is one. */
function sample({ queryType, mutationType }) {
  for (const { name, type } of queryType.fields) {
    const field = type.ofType?.fields?.find(isPlain);
    if (field) return `{\n  ${name} {\n    ${written(field)}\n  }\n}`;
  }
  const field = mutationType?.fields.find(isPlain);
  return field ? `mutation {\n  ${written(field)}\n}` : "{\n  _servers\n}";
}

const isNeeded = ({ type }) => type.kind === "NON_NULL";
const isPlain = ({ args, type }) => type.kind === "SCALAR" && args.filter(isNeeded).every((arg) => SAMPLES[arg.type.ofType.name]);

function written({ name, args }) {
  const given = args.filter(isNeeded).map((arg) => `${arg.name}: ${SAMPLES[arg.type.ofType.name]}`);
  return given.length ? `${name}(${given.join(", ")})` : name;
}

async function run() {
  const given = variables.value.trim() || "{}";
  try {
    JSON.parse(given);
  } catch (error) {
    return result("These variables are not JSON", error.message, true);
  }
  const begun = performance.now();
  const answer = await post(text.value, given);
  const body = await answer.text();
  if (answer.status === 401) return show();
  const failed = !answer.ok || body.startsWith('{"errors"');
  result(`${failed ? "Answered with errors" : "Answered"} in ${Math.round(performance.now() - begun)} ms`, indented(body), failed);
}

function result(title, body, failed) {
  output.replaceChildren(
    el("p", { className: failed ? "failed" : "succeeded" }, title),
    el("pre", { tabIndex: 0, role: "group", "aria-label": "Answer" }, el("code", {}, body)),
  );
  say(title);
}

const guarded = (action) => (event) => {
  event?.preventDefault();
  action().catch((error) => result("The router did not answer", error.message, true));
};
ask.onsubmit = guarded(run);
ask.onkeydown = (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) guarded(run)(event);
};
keyForm.onsubmit = guarded(async () => {
  setKey(document.getElementById("key").value);
  await show();
});
guarded(async () => {
  await show();
  document.querySelector("main").removeAttribute("aria-busy");
})();
