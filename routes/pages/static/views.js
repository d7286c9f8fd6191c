// The contents of each page, made of what is served.

import { absolute, hasKey, root } from "./client.js";
import { el, pageLink, plural, snippet } from "./elements.js";
import { curl, oneLine, scrolled, summaryOf, toolElement } from "./tool.js";

const FEW = 6; // a list is shortened, or can be searched, above
const WORDS = { ok: "serving", starting: "starting", failed: "failed" };

/** Returns the contents of a page: that of all servers, `docs`, or that of a server; null if there is no such server. */
export function view(name, served) {
  if (name === "") return home(served);
  if (name === "docs") return docs(served);
  const server = served.index.servers.find((each) => each.server === name);
  return server ? oneServer(server, served) : null;
}

function home({ index, tools, others }) {
  const count = [...tools.values()].flat().length;
  return [
    el("h1", {}, "Servers"),
    el(
      "p",
      { className: "lead" },
      `${plural(index.servers.length, "server")} with ${plural(count, "tool")} at `,
      el("code", {}, root.href.replace(/\/$/, "")),
    ),
    el(
      "div",
      { className: "snippets" },
      sampleCall("Call a tool", "call", others),
      client("Connect an MCP client to all servers", "multi-mcp", "mcp"),
    ),
    ...filtered(
      "Filter servers and tools",
      index.servers.length > FEW,
      el(
        "ul",
        { className: "cards" },
        index.servers.map((server) => card(server, tools.get(server.server))),
      ),
    ),
  ];
}

function card(server, tools) {
  const lines = tools
    .slice(0, FEW)
    .map((tool) =>
      el(
        "li",
        {},
        pageLink(`${absolute("docs")}#${tool.operationId}`, {}, el("code", {}, tool.name)),
        " ",
        el("span", { className: "about" }, summaryOf(tool)),
      ),
    );
  const more = tools.length - FEW;
  return el(
    "li",
    {
      className: "card",
      "data-text": [server.server, ...tools.flatMap((tool) => [tool.name, tool.summary])].join(" "),
    },
    el("h2", {}, pageLink(absolute(server.server), {}, server.server), " ", badge(server)),
    el(
      "p",
      { className: "quiet" },
      isUp(server) ? el("code", {}, absolute(`${server.server}/mcp`)) : reason(server),
    ),
    lines.length ? el("ul", { className: "tools" }, lines) : null,
    more > 0
      ? el("p", {}, pageLink(absolute(server.server), {}, `and ${plural(more, "more tool")} of ${server.server}`))
      : null,
  );
}

const badge = ({ status }) => el("span", { className: `badge ${status}` }, WORDS[status] ?? status);
const isUp = ({ status }) => status === "ok" || status === "idle"; // an idle one starts with the next call
const REASONS = {
  failed: "Its calls answer 503. The log of the router has the reason.",
  failing: "It runs elsewhere, and does not answer now. Its health has the reason; it is tried again by itself.",
};
const reason = ({ status }) => REASONS[status] ?? "It opens. Its calls answer 503 until it has.";

function oneServer(server, served) {
  const { server: name } = server;
  const tools = served.tools.get(name);
  const links = [
    ["MCP endpoint", `${name}/mcp`],
    ["Tools, as JSON", `${name}/mcp/tools`],
    ["Health", `${name}/mcp/health`],
    ["OpenAPI", `${name}/openapi.json`],
  ];
  return [
    el("h1", {}, name, " ", badge(server)),
    isUp(server) ? null : el("p", { className: "lead" }, reason(server)),
    el(
      "div",
      { className: "snippets" },
      sampleCall("Call a tool", `${name}/mcp/call`, served.others),
      client("Connect an MCP client", name, `${name}/mcp`),
    ),
    el(
      "dl",
      { className: "links" },
      links.flatMap(([word, path]) => [el("dt", {}, word), el("dd", {}, url(path))]),
    ),
    ...(isUp(server) ? [el("h2", {}, plural(tools.length, "tool"))] : []),
    ...filtered("Filter tools", tools.length > FEW, el("div", { className: "list" }, tools.map(listed))),
  ].filter(Boolean);
}

/** Returns a URL; one that a browser can open without a key as a link. */
function url(path) {
  const text = el("code", {}, absolute(path));
  return path.endsWith("/mcp") || hasKey() ? text : el("a", { href: absolute(path) }, text);
}

function docs({ index, tools, others }) {
  const groups = index.servers
    .filter(({ server }) => tools.get(server).length)
    .map(({ server }) =>
      el(
        "section",
        {},
        el("h2", {}, pageLink(absolute(server), {}, server)),
        el("div", { className: "list" }, tools.get(server).map(listed)),
      ),
    );
  const rest = others.flatMap(({ method, path, summary }) => [
    el("dt", {}, el("code", {}, `${method.toUpperCase()} ${path}`)),
    el("dd", {}, summary),
  ]);
  return [
    el("h1", {}, "Tools"),
    el("p", { className: "lead" }, "Open a tool to see its arguments and to try it. A call here is a real one."),
    ...filtered("Filter tools", [...tools.values()].flat().length > FEW, el("div", {}, groups)),
    el(
      "details",
      { className: "others" },
      el("summary", {}, "All other URLs"),
      scrolled("All other URLs", "dl", ...rest),
    ),
  ];
}

function listed(tool) {
  const element = toolElement(tool);
  element.dataset.text = `${tool.name} ${tool.summary} ${tool.server}`;
  return element;
}

/** Returns curl's command for the sample call that the document has at a path. */
function sampleCall(label, path, others) {
  const call = others.find((each) => each.path === `/${path}` && each.method === "post");
  const example = call?.requestBody.content["application/json"].example;
  return example ? snippet(label, curl(`/${path}`, oneLine(JSON.stringify(example)))) : null;
}

function client(label, name, path) {
  const headers = hasKey() ? { headers: { Authorization: "Bearer YOUR_KEY" } } : {};
  return snippet(
    label,
    JSON.stringify({ mcpServers: { [name]: { type: "http", url: absolute(path), ...headers } } }, null, 2),
  );
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
    for (const section of list.querySelectorAll("section"))
      section.hidden = !section.querySelector("[data-text]:not([hidden])");
    none.hidden = items.some((item) => !item.hidden);
  };
  return [field, none, list];
}
