// Makes elements. Text of servers and tools becomes text nodes only, so markup in it stays text.

export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Returns text in which what stands in backquotes is code. */
export const prose = (text) => text.split(/`([^`\n]+)`/).map((part, at) => (at % 2 ? el("code", {}, part) : part));

/** Returns a link to another of the pages, which is shown without loading it: the key would be lost. */
export const pageLink = (href, properties, ...children) =>
  el("a", { href, "data-page": "", ...properties }, ...children);

/** Returns text with a button that copies it. `text` may be a function that returns the text there is now. */
export function snippet(label, text) {
  const current = typeof text === "function" ? text : () => text;
  const code = el("code", {}, current());
  const box = el("pre", { tabIndex: 0, role: "group", "aria-label": label }, code);
  const button = el("button", { type: "button", className: "copy", "aria-label": `Copy: ${label}` }, "Copy");
  button.onclick = async () => {
    const done = await copied(current(), code);
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    say(done ? "Copied" : "The text is selected; press Ctrl+C to copy it");
    setTimeout(() => (button.textContent = "Copy"), 2000);
  };
  const figure = el("figure", { className: "snippet" }, el("figcaption", {}, label), button, box);
  figure.refresh = () => (code.textContent = current());
  return figure;
}

async function copied(text, code) {
  try {
    await navigator.clipboard.writeText(text); // only over HTTPS and on localhost
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return document.execCommand("copy");
  }
}

/** Tells a screen reader what has happened. */
export function say(text) {
  document.querySelector(".status").textContent = text;
}

export const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
