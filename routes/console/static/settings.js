// The settings: which are set. Values are not shown, as some are secrets.

import { begin, el, read, table } from "./shared.js";

begin(async (page) => {
  const { settings } = await read("console/data/settings");
  const inCode = (words) => words.split(/`([^`]+)`/).map((part, at) => (at % 2 ? el("code", {}, part) : part));
  const rows = settings.map((each) => [el("code", {}, each.name), each.set ? el("span", { className: "badge ok" }, "set") : "default", inCode(each.default), inCode(each.meaning)]);
  page.append(table("Settings of this process. No values are shown.", ["Setting", ["State", "time"], ["Default", "name"], ["Meaning", "words"]], rows, "None."));
});
