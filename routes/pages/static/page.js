// Shows the page of the URL: all servers, one server, or all tools. The key is asked for when the router wants one.

import { Refused, absolute, hasKey, read, root, setKey } from "./client.js";
import { el, pageLink, say } from "./elements.js";
import { toolOf } from "./tool.js";
import { view } from "./views.js";

const main = document.querySelector("main");
const place = () => location.pathname.slice(root.pathname.length).replace(/\/$/, "");
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
    contents = view(place(), known) ?? (await unknown());
  } catch (error) {
    contents = error.status === 401 ? keyForm(hasKey() ? error.message : "") : failure(error);
    if (error.status === 401) setKey("");
    known = null;
  }
  if (turn !== shown) return; // the person has gone on to another page
  navigation();
  main.replaceChildren(...contents);
  main.removeAttribute("aria-busy");
  document.title = [main.querySelector("h1").textContent, "Multi-MCP"]
    .filter((text, at, all) => all.indexOf(text) === at)
    .join(" · ");
  openLinked();
  main.querySelector("[data-first]")?.focus();
}

/** Returns the page of a server that has come since the last reading. Throws what the router says about the name. */
async function unknown() {
  await read(place());
  known = await load();
  return view(place(), known);
}

/** Returns the servers, their tools by the server's name, and the other operations of the OpenAPI document. */
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

function keyForm(refusal) {
  const input = el("input", {
    id: "key",
    type: "password",
    autocomplete: "off",
    required: true,
    "data-first": "",
    "aria-describedby": "key-about key-error",
  });
  const error = el("p", { id: "key-error", className: "failed", role: "alert" }, refusal);
  const form = el(
    "form",
    { className: "key" },
    el("label", { htmlFor: "key" }, "API key or access token"),
    input,
    error,
    el("button", { type: "submit", className: "primary" }, "Show the servers"),
  );
  form.onsubmit = (event) => {
    event.preventDefault();
    try {
      setKey(input.value.trim());
      show({ again: true });
    } catch (problem) {
      error.textContent = problem.message;
    }
  };
  const about =
    "This router shows its servers to callers with a key. The key stays in the memory of this page: it is gone when you close or reload it.";
  return [el("h1", {}, "A key is needed"), el("p", { className: "lead", id: "key-about" }, about), form];
}

function failure(error) {
  const again = el(
    "button",
    { type: "button", className: "primary", onclick: () => show({ again: true }) },
    "Try again",
  );
  const message = error instanceof Refused ? error.message : `The router was not reached: ${error.message}`;
  const [heading, remedy] =
    error.status === 404
      ? ["Not found", pageLink(root.href, {}, "All servers")]
      : ["The servers cannot be shown", again];
  return [el("h1", {}, heading), el("p", { className: "failed", role: "alert" }, message), remedy];
}

function navigation() {
  const here = place();
  const pages = [
    ["", "Servers"],
    ["docs", "Tools"],
  ].map(([path, word]) => pageLink(absolute(path), here === path ? { "aria-current": "page" } : {}, word));
  const files =
    known && !hasKey()
      ? [
          ["openapi.json", "OpenAPI"],
          ["health", "Health"],
        ]
      : [];
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
  const linked = location.hash && document.getElementById(location.hash.slice(1));
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
