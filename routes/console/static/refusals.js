// What was refused last, and why: by reason and address, then one by one.

import { absolute, badge, begin, el, read, table, tellTrouble, text, when } from "./shared.js";

const WHY = {
  unauthenticated: "401: no credential, or one that is not valid",
  forbidden: "403: the caller lacks a scope",
  "forbidden-origin": "403: a page of an origin that MCP_ALLOWED_ORIGINS does not list",
  misdirected: "421: a Host that MCP_ALLOWED_HOSTS does not list",
  "rate-limited": "429: the caller reached MCP_RATE_LIMIT",
  "share-exceeded": "429: the caller holds its share (MCP_MAX_SHARE) of a limit",
};

begin(async (page) => {
  const found = await read("console/data/refusals");
  const { refusals } = found;
  tellTrouble(found);
  const groups = new Map();
  for (const each of refusals) {
    const name = JSON.stringify([each.reason, each.address]);
    groups.set(name, { ...each, count: (groups.get(name)?.count ?? 0) + 1 });
  }
  const grouped = [...groups.values()].sort((a, b) => b.count - a.count);
  const known = (value) => (value ? text(value) : "–");
  page.append(
    table("By reason and address", ["Reason", ["Times", "number"], "Address", ["What it means", "words"]],
      grouped.map((each) => [badge(each.reason), each.count, known(each.address), WHY[each.reason] ?? ""]), "Nothing was refused."),
    el("h2", {}, "The last 200"),
    table("One by one, the last first", ["Time", "Reason", ["Address", "name"], "Caller", ["Request", "name"]],
      refusals.map((each) => [when(each.at), badge(each.reason), known(each.address), known(each.caller),
        el("a", { href: absolute(`console/calls/${encodeURIComponent(each.request_id)}`) }, text(each.request_id))]), "Nothing was refused."),
  );
});
