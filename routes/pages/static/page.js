// Shows the page of the URL: all servers, one server, or all tools. The key is asked for when the router wants one.

import { Refused, hasKey, read, root, setKey } from "./client.js";
import { el, pageLink, plural, say, snippet } from "./elements.js";
import { curl, scrolled, summaryOf, toolElement, toolOf } from "./tool.js";

const FEW = 6;
const WORDS = { ok: "serving", starting: "starting", failed: "failed" };
const main = document.querySelector("main");
const within = (url) => decodeURIComponent(url.pathname.slice(root.pathname.length).replace(/\/$/, ""));
const absolute = (path) => new URL(path, root).href;
let known = null;
let shown = 0;

/** Reads what is served, and makes the contents of the page of the URL. */
async function show({ again = false } = {}) {
  const turn = ++shown;
  main.setAttribute("aria-busy", "true");
  if (!known || again) main.replaceChildren(el("p", { className: "quiet" }, "Loading …"));
  if (again) known = null;
  let contents;
  try {
    known ??= await load();
    contents = view(within(location));
  } catch (error) {
    contents = error.status === 401 ? keyForm(hasKey() ? error.message : "") : failure(error);
    if (error.status === 401) setKey("");
    known = null;
  }
  if (turn !== shown) return; // the person has gone on to another page
  navigation();
  main.replaceChildren(...contents);
  main.removeAttribute("aria-busy");
  document.title = [main.querySelector("h1").textContent, "Multi-MCP"].filter((text, at, all) => all.indexOf(text) === at).join(" · ");
  openLinked();
  main.querySelector("[data-first]")?.focus();
}

async function load() {
  const index = await read(""); // first, so that a missing key is one refusal
  const document = await read("openapi.json");
  const tools = new Map(index.servers.map(({ server }) => [server, []]));
  const others = [];
  for (const [path, methods] of Object.entries(document.paths)) {
    if (/^\/[^/]+\/mcp\/tools\/./.test(path)) {
      const tool = toolOf(path, methods.post, document);
      tools.get(tool.server)?.push(tool);
    } else {
      for (const [method, operation] of Object.entries(methods)) others.push({ method, path, ...operation });
    }
  }
  return { index, tools, others };
}

function view(place) {
  if (place === "") return home();
  if (place === "docs") return docs();
  const server = known.index.servers.find((each) => each.server === place);
  if (server) return oneServer(server);
  return [el("h1", {}, "Not found"), el("p", {}, `There is no server “${place}”.`), el("p", {}, pageLink(root.href, {}, "All servers"))];
}

function home() {
  const { index, tools } = known;
  const count = [...tools.values()].flat().length;
  return [
    el("h1", {}, "Servers"),
    el("p", { className: "lead" }, `${plural(index.servers.length, "server")} with ${plural(count, "tool")} at `, el("code", {}, root.href.replace(/\/$/, ""))),
    el("div", { className: "snippets" }, sampleCall("Call a tool", "call", "call"), client("Connect an MCP client to all servers", "multi-mcp", "mcp")),
    ...filtered("Filter servers and tools", index.servers.length > FEW, el("ul", { className: "cards" }, index.servers.map(card))),
  ];
}

function card(server) {
  const tools = known.tools.get(server.server);
  const lines = tools.slice(0, FEW).map((tool) =>
    el("li", {}, pageLink(`${absolute("docs")}#${tool.operationId}`, {}, el("code", {}, tool.name)), " ", el("span", { className: "about" }, summaryOf(tool))));
  const more = tools.length - FEW;
  return el("li", { className: "card", "data-text": [server.server, ...tools.flatMap((tool) => [tool.name, tool.summary])].join(" ") },
    el("h2", {}, pageLink(absolute(server.server), {}, server.server), " ", badge(server)),
    el("p", { className: "quiet" }, server.status === "ok" ? el("code", {}, absolute(`${server.server}/mcp`)) : reason(server)),
    lines.length ? el("ul", { className: "tools" }, lines) : null,
    more > 0 ? el("p", {}, pageLink(absolute(server.server), {}, `and ${plural(more, "more tool")} of ${server.server}`)) : null);
}

const badge = ({ status }) => el("span", { className: `badge ${status}` }, WORDS[status] ?? status);
const reason = ({ status }) => (status === "failed" ? "Its calls answer 503. The log of the router has the reason." : "It opens. Its calls answer 503 until it has.");

function oneServer(server) {
  const { server: name, status } = server;
  const tools = known.tools.get(name);
  const links = [["MCP endpoint", `${name}/mcp`], ["Tools, as JSON", `${name}/mcp/tools`], ["Health", `${name}/mcp/health`], ["OpenAPI", `${name}/openapi.json`]];
  return [
    el("h1", {}, name, " ", badge(server)),
    status === "ok" ? null : el("p", { className: "lead" }, reason(server)),
    el("div", { className: "snippets" }, sampleCall("Call a tool", `${name}/mcp/call`, `${name}/mcp/call`), client("Connect an MCP client", name, `${name}/mcp`)),
    el("dl", { className: "links" }, links.flatMap(([word, path]) => [el("dt", {}, word), el("dd", {}, url(path))])),
    ...(status === "ok" ? [el("h2", {}, plural(tools.length, "tool"))] : []),
    ...filtered("Filter tools", tools.length > FEW, el("div", { className: "list" }, tools.map(listed))),
  ].filter(Boolean);
}

/** Returns a URL; one that a browser can open without a key as a link. */
function url(path) {
  const text = el("code", {}, absolute(path));
  return path.endsWith("/mcp") || hasKey() ? text : el("a", { href: absolute(path) }, text);
}

function docs() {
  const { index, tools, others } = known;
  const groups = index.servers.filter(({ server }) => tools.get(server).length).map(({ server }) =>
    el("section", {}, el("h2", {}, pageLink(absolute(server), {}, server)), el("div", { className: "list" }, tools.get(server).map(listed))));
  const rest = others.flatMap(({ method, path, summary }) => [el("dt", {}, el("code", {}, `${method.toUpperCase()} ${path}`)), el("dd", {}, summary)]);
  return [
    el("h1", {}, "Tools"),
    el("p", { className: "lead" }, "Open a tool to see its arguments and to try it. A call here is a real one."),
    ...filtered("Filter tools", [...tools.values()].flat().length > FEW, el("div", {}, groups)),
    el("details", { className: "others" }, el("summary", {}, "All other URLs"), scrolled("All other URLs", "dl", ...rest)),
  ];
}

function listed(tool) {
  const element = toolElement(tool);
  element.dataset.text = `${tool.name} ${tool.summary} ${tool.server}`;
  return element;
}

/** Returns curl's command for the sample call that the document has at a path. */
function sampleCall(label, path, url) {
  const call = known.others.find((each) => each.path === `/${path}` && each.method === "post");
  const example = call?.requestBody.content["application/json"].example;
  return example ? snippet(label, curl(`/${url}`, JSON.stringify(example).replaceAll('":', '": ').replaceAll(',"', ', "'))) : null;
}

function client(label, name, path) {
  const headers = hasKey() ? { headers: { Authorization: "Bearer YOUR_KEY" } } : {};
  return snippet(label, JSON.stringify({ mcpServers: { [name]: { type: "http", url: absolute(path), ...headers } } }, null, 2));
}

/** Returns a list, below a field that hides what does not have a text if `isLong`. */
function filtered(label, isLong, list) {
  if (!isLong) return [list];
  const none = el("p", { className: "quiet", hidden: true }, "Nothing has this text.");
  const field = el("input", { type: "search", "aria-label": label, placeholder: label, autocomplete: "off" });
  field.oninput = () => {
    const wanted = field.value.trim().toLowerCase();
    const items = [...list.querySelectorAll("[data-text]")];
    for (const item of items) item.hidden = !item.dataset.text.toLowerCase().includes(wanted);
    for (const section of list.querySelectorAll("section")) section.hidden = !section.querySelector("[data-text]:not([hidden])");
    none.hidden = items.some((item) => !item.hidden);
  };
  return [field, none, list];
}

function keyForm(refusal) {
  const input = el("input", { id: "key", type: "password", autocomplete: "off", required: true, "data-first": "", "aria-describedby": "key-about key-error" });
  const error = el("p", { id: "key-error", className: "failed", role: "alert" }, refusal);
  const form = el("form", { className: "key" },
    el("label", { htmlFor: "key" }, "API key or access token"), input, error,
    el("button", { type: "submit", className: "primary" }, "Show the servers"));
  form.onsubmit = (event) => {
    event.preventDefault();
    try {
      setKey(input.value.trim());
      show({ again: true });
    } catch (problem) {
      error.textContent = problem.message;
    }
  };
  const about = "This router shows its servers to callers with a key. The key stays in the memory of this page: it is gone when you close or reload it.";
  return [el("h1", {}, "A key is needed"), el("p", { className: "lead", id: "key-about" }, about), form];
}

function failure(error) {
  const again = el("button", { type: "button", className: "primary", onclick: () => show({ again: true }) }, "Try again");
  const message = error instanceof Refused ? error.message : `The router was not reached: ${error.message}`;
  return [el("h1", {}, "The servers cannot be shown"), el("p", { className: "failed", role: "alert" }, message), again];
}

function navigation() {
  const here = within(location);
  const pages = [["", "Servers"], ["docs", "Tools"]].map(([place, word]) =>
    pageLink(absolute(place), here === place ? { "aria-current": "page" } : {}, word));
  const files = known && !hasKey() ? [["openapi.json", "OpenAPI"], ["health", "Health"]] : [];
  if (known?.index.console) files.push(["console", "Console"]);
  const forget = el("button", { type: "button" }, "Forget the key");
  forget.onclick = () => {
    setKey("");
    show({ again: true });
  };
  const links = files.map(([path, word]) => el("a", { href: absolute(path) }, word));
  document.querySelector("nav").replaceChildren(...pages, ...links, ...(hasKey() ? [forget] : []));
}

/** Opens the tool that the fragment of the URL names. */
function openLinked() {
  const linked = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (linked?.tagName !== "DETAILS") return;
  linked.open = true;
  linked.scrollIntoView();
  linked.querySelector("summary").focus({ preventScroll: true });
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-page]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  await show();
  if (!location.hash) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
  say(document.title);
});
addEventListener("popstate", () => show());
show();
