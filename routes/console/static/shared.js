// What all pages of the console share: requests, the login, and elements for text that nobody can trust.

import { el, say } from "../docs/elements.js";

export { el, say };
export const root = new URL("..", import.meta.url);
export const absolute = (path) => new URL(path, root).href;
export const here = document.body.dataset.page;
const page = document.getElementById("page");
const troubleBox = el("div", { ariaLive: "polite" });
page.before(troubleBox);

export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? problem?.title ?? `The router answered ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

export const send = (path, options = {}) => fetch(absolute(path), { cache: "no-store", ...options });

export async function read(path, options) {
  const answer = await send(path, options);
  const document = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, document);
  return document;
}

export const post = (path, body) =>
  read(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** Starts a page: `show` gets its element and what the caller may do. Asks for a key first if there must be one. */
export async function begin(show, needs = "read") {
  for (const link of document.querySelectorAll("nav [data-of]")) {
    if (link.dataset.of.split(" ").includes(here)) link.ariaCurrent = "page";
  }
  try {
    const me = await read("console/data/me");
    if (me.authentication) offerLogout(me);
    if (needs && !me.may[needs]) {
      throw new Refused(403, { detail: `This needs the scope console:${needs}, which ${me.caller ?? "you"} lacks.` });
    }
    page.replaceChildren();
    await show(page, me);
  } catch (error) {
    failed(error, () => begin(show, needs));
  }
  document.querySelector("main").removeAttribute("aria-busy");
}

/** Shows why a page cannot be shown; a login if that helps. */
export function failed(error, again) {
  if (error.status === 401) page.replaceChildren(loginForm(again));
  else page.replaceChildren(notice(error.message, "bad"));
}

export const notice = (text, kind = "") => el("p", { className: `notice ${kind}`, role: "alert" }, text);

/** Says above a page what is missing of it, such as a worker that does not answer; nothing if all is there. */
export function tellTrouble({ trouble = "" }) {
  if (troubleBox.textContent !== trouble) troubleBox.replaceChildren(...(trouble ? [notice(trouble)] : []));
}

function loginForm(again) {
  const key = el("input", { id: "key", type: "password", autocomplete: "off", required: true, spellcheck: false });
  const wrong = el("p", { className: "failed", role: "alert" });
  const form = el(
    "form",
    { className: "login" },
    el("p", {}, "The data of the console needs a key, or an access token, with the scope console:read."),
    el("label", { htmlFor: "key" }, "Key"),
    key,
    wrong,
    el("button", { type: "submit", className: "primary" }, "Log in"),
  );
  form.onsubmit = async (event) => {
    event.preventDefault();
    try {
      const answer = await send("console/login", { method: "POST", headers: { Authorization: `Bearer ${key.value}` } });
      if (!answer.ok) throw new Refused(answer.status, await answer.json());
      say("Logged in");
      await again();
    } catch (error) {
      wrong.textContent = error.status ? error.message : "This is no key: it has a character that no key has.";
      key.select();
    }
  };
  return form;
}

function offerLogout(me) {
  const nav = document.querySelector("nav");
  nav.querySelector("button")?.remove();
  const button = el("button", { type: "button", title: `Logged in as ${me.caller}` }, "Log out");
  button.onclick = async () => {
    await send("console/logout", { method: "POST" });
    location.reload();
  };
  nav.append(button);
}

// Characters that nobody sees, or that turn the direction of what follows, are shown by their number.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\ud800-\udfff]/g;
const code = (found) => (found.length > 1 ? found : `⟨U+${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);

export const visible = (text) =>
  String(text).replace(/[\ud800-\udbff][\udc00-\udfff]/g, (pair) => `\u0001${pair.codePointAt(0)}\u0001`)
    .replace(/\u0001(\d+)\u0001|[\s\S]/g, (found, point) =>
      point ? String.fromCodePoint(Number(point)) : found.replace(HIDDEN, code));

/** Returns text of a client or a tool as an element whose direction touches nothing around it. */
export const text = (value) => el("bdi", {}, visible(value ?? ""));

export const ms = (seconds) => {
  if (seconds === null || seconds === undefined) return "–";
  const value = seconds * 1000;
  return value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ms`;
};
export const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(part && part < whole / 10 ? 1 : 0)} %` : "–");
export const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB");
export const when = (seconds) => new Date(seconds * 1000).toLocaleString("en-GB");
export const duration = (seconds) =>
  seconds < 60 ? `${seconds.toFixed(seconds < 10 ? 1 : 0)} s` : seconds < 3600
    ? `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s` : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;

const GOOD = { ok: "ok", "input-required": "wait", task: "wait" };
export const ANSWERED = { cache: "from the cache", repeated: "repeated by its key" };
export const isError = (outcome) => !(outcome in GOOD);
export const badge = (outcome) => el("span", { className: `badge ${GOOD[outcome] ?? "bad"}` }, outcome);

/** Returns a table of rows, each a list of cells. A heading may be `[text, class]`. */
export function table(caption, headings, rows, empty) {
  const head = headings.map((each) => [each].flat());
  const cells = (row) =>
    row.map((cell, at) => el(at ? "td" : "th", { className: head[at][1] ?? "", ...(at ? {} : { scope: "row" }) }, cell));
  const body = el("tbody", {}, rows.map((row) => el("tr", {}, cells(row))));
  const found = el(
    "table",
    {},
    el("caption", {}, caption),
    el("thead", {}, el("tr", {}, head.map(([name, kind = ""]) => el("th", { scope: "col", className: kind }, name)))),
    body,
  );
  const nothing = rows.length ? null : el("p", { className: "empty" }, empty);
  return framed(caption, found, nothing);
}

/** Returns a frame in which a wide table can be scrolled, also with the keyboard. */
export function framed(label, ...children) {
  const box = el("div", { className: "framed", role: "group", "aria-label": label }, children);
  new ResizeObserver(() => (box.tabIndex = box.scrollWidth > box.clientWidth ? 0 : -1)).observe(box);
  return box;
}

/** Returns a line of numbers as a picture, which `label` tells in words. */
export function sparkline(values, label) {
  const make = (tag, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };
  const most = Math.max(...values, 1);
  const points = values.map((value, at) => `${(at * 118) / (values.length - 1) + 1},${23 - (22 * value) / most}`);
  const line = make("polyline", { points: points.join(" "), fill: "none", stroke: "currentColor", "stroke-width": 1.5 });
  const picture = make("svg", { class: "spark", viewBox: "0 0 120 24", role: "img", "aria-label": label });
  picture.append(line);
  return picture;
}
