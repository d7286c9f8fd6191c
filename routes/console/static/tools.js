// Every tool with its figures, sorted by any of them.

import { absolute, badge, begin, clock, el, framed, ms, percent, read, sparkline, tellTrouble, text } from "./shared.js";

const COLUMNS = [
  ["tool", "Tool", (row) => `${row.server} ${row.tool}`],
  ["calls", "Calls", (row) => row.calls ?? 0],
  ["errors", "Errors", (row) => (row.calls ? row.errors / row.calls : -1)],
  ["p50", "p50", (row) => row.p50 ?? -1],
  ["p95", "p95", (row) => row.p95 ?? -1],
  ["p99", "p99", (row) => row.p99 ?? -1],
  ["last", "Last error", (row) => row.last_error?.[0] ?? 0],
  ["spark", "Last 10 minutes", (row) => (row.spark ?? []).reduce((sum, each) => sum + each, 0)],
];
const NUMBERS = ["calls", "errors", "p50", "p95", "p99"];
const query = new URLSearchParams(location.search);
let sort = query.get("sort") ?? "tool", down = query.has("down"), rows = [];
const heads = {};
const body = el("tbody");

begin(async (page) => {
  await load();
  const cells = COLUMNS.map(([name, label]) => {
    const button = el("button", { type: "button", onclick: () => sortBy(name) }, label);
    return (heads[name] = el("th", { scope: "col", className: NUMBERS.includes(name) ? "number" : "" }, button));
  });
  const caption = el("caption", {}, "Percentiles are those of the last 200 calls of each tool in each process.");
  page.append(framed("Tools", el("table", {}, caption, el("thead", {}, el("tr", {}, cells)), body)));
  draw();
  setInterval(async () => {
    await load();
    if (!body.contains(document.activeElement)) draw(); // no row moves away under a reader's finger
  }, 5000);
});

async function load() {
  const found = await read("console/data/tools");
  rows = found.tools;
  tellTrouble(found);
}

function sortBy(name) {
  down = sort === name ? !down : name !== "tool";
  sort = name;
  history.replaceState(null, "", `?sort=${sort}${down ? "&down" : ""}`);
  draw();
}

function draw() {
  const value = COLUMNS.find(([name]) => name === sort)?.[2] ?? COLUMNS[0][2];
  const order = (a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (down ? -1 : 1);
  for (const [name, head] of Object.entries(heads)) {
    if (name === sort) head.setAttribute("aria-sort", down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  body.replaceChildren(...[...rows].sort(order).map(rowOf));
}

function rowOf(row) {
  const link = absolute(`console/try?${new URLSearchParams({ server: row.server, tool: row.tool })}`);
  const name = row.listed ? el("a", { href: link }, text(row.tool)) : text(row.tool);
  const called = row.calls > 0;
  const [at, outcome, id] = row.last_error ?? [];
  const error = outcome ? [badge(outcome), " ", el("a", { href: absolute(`console/calls/${encodeURIComponent(id)}`) }, clock(at))] : called ? "none" : "–";
  const recent = called ? row.spark.reduce((sum, each) => sum + each, 0) : 0;
  const cells = [[text(row.server), " / ", name], row.calls ?? 0, called ? percent(row.errors, row.calls) : "–", ms(row.p50), ms(row.p95), ms(row.p99), error, called ? sparkline(row.spark, `${recent} calls in the last ten minutes`) : "–"];
  return el("tr", {}, cells.map((cell, index) => el(index ? "td" : "th", { className: NUMBERS.includes(COLUMNS[index][0]) ? "number" : "", ...(index ? {} : { scope: "row" }) }, cell)));
}
