// MCP sessions and WebSockets, by server and by process.

import { begin, duration, el, read, table, text } from "./shared.js";

begin(async (page) => {
  const { processes, servers, aggregate } = await read("console/data/sessions");
  const rows = [...servers.map((row) => [text(row.server), row.sessions]), ["all servers, at /mcp", aggregate]];
  page.append(
    table("Processes", ["Process", "Up for", ["Calls in flight", "number"], ["MCP sessions", "number"], ["WebSockets", "number"]],
      processes.map((each) => [each.process, duration(each.up), each.in_flight, each.sessions, each.sockets]), "None."),
    el("h2", {}, "By endpoint"),
    table("Open MCP sessions of the process that answered", ["Endpoint", ["Sessions", "number"]], rows, "None."),
  );
});
