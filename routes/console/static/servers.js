// The servers: their states, why one did not start, and what an administrator may do with those of the servers file.

import { begin, el, notice, post, read, say, table, tellTrouble, text, visible } from "./shared.js";

const HEADS = ["Server", "State", ["Tools", "number less"], ["Sessions", "number less"], ["Detail", "name"]];
const DONE = { restart: "Restarted", disable: "Disabled", enable: "Enabled" };

begin(async (page, me) => {
  const box = el("div");
  const trouble = el("div");
  page.append(trouble, box);
  await show();

  async function show() {
    const found = await read("console/data/servers");
    const { servers } = found;
    tellTrouble(found);
    const entries = new Map();
    if (me.may.admin) for (const each of (await read("console/admin/servers")).servers) if (each.entry) entries.set(each.name, each);
    const rows = servers.map((row) => [text(row.server), state(row), ...buttons(row.server), row.tools, row.sessions, detail(row)]);
    for (const [name, each] of entries) {
      if (!servers.some((row) => row.server === name)) rows.push([text(name), state({ state: each.state }), ...buttons(name), "–", "–", each.reason ? text(each.reason) : "–"]);
    }
    box.replaceChildren(table(found.processes > 1 ? `Servers of the process that answered, one of ${found.processes}` : "Servers", me.may.admin ? HEADS.toSpliced(2, 0, "Actions") : HEADS, rows, "No server is served."));

    function buttons(name) {
      if (!me.may.admin) return [];
      if (!entries.has(name)) return ["–"];
      const verbs = entries.get(name).state === "disabled" ? ["enable"] : ["restart", "disable"];
      return [el("div", { className: "verbs" }, verbs.map((verb) => button(verb, name)))];
    }
  }

  function button(verb, name) {
    const word = verb[0].toUpperCase() + verb.slice(1);
    const made = el("button", { type: "button", name, "aria-label": `${word} ${visible(name)}` }, word);
    made.onclick = async () => {
      if (made.ariaDisabled === "true") return;
      made.ariaDisabled = "true";
      trouble.replaceChildren();
      try {
        await post(`console/admin/servers/${encodeURIComponent(name)}/${verb}`, {});
        await show();
        say(`${DONE[verb]} ${visible(name)}`);
        [...box.querySelectorAll("button")].find((each) => each.name === name)?.focus();
      } catch (error) {
        made.ariaDisabled = "false";
        trouble.replaceChildren(notice(error.message, "bad"));
      }
    };
    return made;
  }
});

function state({ state, detail }) {
  const word = state === "ready" && detail ? detail.status : state;
  return el("span", { className: `badge ${word === "idle" ? "" : word}` }, word);
}

function detail({ detail, failure }) {
  const facts = Object.entries(detail).filter(([name]) => name !== "status");
  const shown = facts.map(([name, value]) => el("div", {}, `${name}: `, text(typeof value === "object" ? JSON.stringify(value) : value)));
  return [failure ? el("div", { className: "failed" }, text(failure)) : null, ...shown];
}
