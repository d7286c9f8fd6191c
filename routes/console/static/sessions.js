// MCP sessions, streams and WebSockets: each one, then by process and by server.

import { begin, duration, el, failed, read, table, tellTrouble, text } from "./shared.js";

const KINDS = { session: "session", stream: "listen stream", websocket: "WebSocket" };
const HEADS = ["Opened", "Kind", "Endpoint", "Caller", "Client", ["Protocol", "less"], ["Used", "number"], ["In flight", "number"], ["Id", "less"]];

begin(async (page) => {
  const box = el("div");
  page.append(box);
  await show(box);
  setInterval(() => document.hidden || box.contains(document.activeElement) || show(box).catch((error) => failed(error, () => location.reload())), 2000);
});

async function show(page) {
  const found = await read("console/data/sessions");
  const { processes, servers, aggregate, open, now } = found;
  tellTrouble(found);
  const ago = (seconds) => `${duration(Math.max(0, now - seconds))} ago`;
  const each = open.map((one) => [
    ago(one.opened), KINDS[one.kind], one.server ? text(one.server) : "all servers", one.caller === null ? "–" : text(one.caller),
    one.client ? text(one.client) : "–", one.protocol ? text(one.protocol) : "–", ago(one.used), one.in_flight, el("code", {}, text(one.id || "–")),
  ]);
  const rows = [...servers.map((row) => [text(row.server), row.sessions]), ["all servers, at /mcp", aggregate]];
  page.replaceChildren(
    table("Open sessions, streams and WebSockets", HEADS, each, "No client holds anything open. Clients of 2026-07-28 have no sessions."),
    el("h2", {}, "By process"),
    table("Processes", ["Process", "Up for", ["Calls in flight", "number"], ["MCP sessions", "number"], ["WebSockets", "number"]],
      processes.map((each) => [each.process, duration(each.up), each.in_flight, each.sessions, each.sockets]), "None."),
    el("h2", {}, "By endpoint"),
    table("Open MCP sessions of the process that answered", ["Endpoint", ["Sessions", "number"]], rows, "None."),
  );
}
