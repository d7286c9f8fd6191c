// The router as the page sees it: its URL, its answers, and the key, which only the memory of this module holds.

export const root = new URL("..", import.meta.url);
export const absolute = (path) => new URL(path, root).href;
let key = "";

export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? problem?.title ?? `The router answered ${status}.`);
    this.status = status;
  }
}

export const hasKey = () => key !== "";

export function setKey(value) {
  if (!/^[\x21-\x7e]*$/.test(value)) throw new Error("The key has a character that no key has, such as a space.");
  key = value;
}

/** Sends a request to a path below the root, with the key if there is one. */
export function send(path, { headers = {}, ...options } = {}) {
  const credential = key && { Authorization: `Bearer ${key}` };
  return fetch(absolute(path), { ...options, headers: { ...headers, ...credential }, cache: "no-store" });
}

/** Returns the JSON at a path. Throws Refused for any status but 2xx. */
export async function read(path) {
  const answer = await send(path, { headers: { Accept: "application/json" } });
  const text = await answer.text();
  let document;
  try {
    document = parsed(text);
  } catch {
    throw new Refused(answer.status, null);
  }
  if (!answer.ok) throw new Refused(answer.status, document);
  return document;
}

/** Parses JSON. A number that JavaScript would change, such as a whole one beyond 2 ** 53, keeps its text. */
export function parsed(text) {
  return JSON.parse(text, (name, value, context) => {
    const changes = typeof value === "number" && context?.source !== undefined && String(value) !== context.source;
    return changes && JSON.rawJSON ? JSON.rawJSON(context.source) : value;
  });
}

/** Returns JSON with indentation, or the text as it is if that would change it. */
export function indented(text) {
  try {
    return JSON.rawJSON ? JSON.stringify(parsed(text), null, 2) : text;
  } catch {
    return text;
  }
}
