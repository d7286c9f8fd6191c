// The servers: their states, and why one did not start.

import { badge, begin, el, read, table, text } from "./shared.js";

begin(async (page) => {
  const { servers } = await read("console/data/servers");
  const rows = servers.map((row) => [text(row.server), state(row), row.tools, row.sessions, detail(row)]);
  page.append(table("Servers of this process", ["Server", "State", ["Tools", "number"], ["Sessions", "number"], "Detail"], rows, "No server is served."));
});

function state({ state, detail }) {
  const word = state === "ready" ? detail.status : state;
  return el("span", { className: `badge ${word === "idle" ? "" : word}` }, word);
}

function detail({ detail, failure }) {
  const facts = Object.entries(detail).filter(([name]) => name !== "status");
  const shown = facts.map(([name, value]) => el("div", {}, `${name}: `, text(typeof value === "object" ? JSON.stringify(value) : value)));
  return [failure ? el("div", { className: "failed" }, text(failure)) : null, ...shown];
}
