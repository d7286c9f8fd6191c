// Native controls for a JSON Schema. Each field gives JSON text, so that a number keeps the digits a person typed.

import { el, text, visible } from "./shared.js";

const MAX_DEPTH = 4;
const MAX_STEPS = 8;
const LIMITS = { minimum: "at least", exclusiveMinimum: "more than", maximum: "at most", exclusiveMaximum: "less than", minLength: "characters, at least", maxLength: "characters, at most", minItems: "items, at least", maxItems: "items, at most", pattern: "pattern", format: "format" };
const FAR = 1e15; // a limit beyond it tells a person nothing
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
let count = 0;

export class Invalid extends Error {
  constructor(message, element) {
    super(message);
    this.element = element;
  }
}

/** Returns a field for a schema: `element`, `json()` (undefined if nothing is given; throws Invalid), `set(value)`. */
export function fieldOf(schema, name, { document = schema, required = false, depth = 0 } = {}) {
  const { found, optional } = simple(resolved(schema, document), document);
  const label = name || found.title || "value";
  const about = [schema?.description ?? found.description ?? "", limits(found)].filter(Boolean).join(" ");
  const given = { label, about, required: required && !optional, nullable: optional, document, depth, schema: found };
  const field = kindOf(found, depth)(given);
  const preset = schema?.default ?? found.default;
  if (preset !== undefined && preset !== null) field.set(preset);
  return field;
}

function kindOf(schema, depth) {
  if ("const" in schema) return choice;
  if (Array.isArray(schema.enum)) return choice;
  if (depth > MAX_DEPTH) return raw;
  if (schema.oneOf || schema.anyOf) return branches;
  const kind = { string, integer: number, number, boolean: choice, array: list, object: group }[schema.type];
  if (schema.type === "object" && !Object.keys(schema.properties ?? {}).length) return raw;
  if (schema.type === "array" && (schema.prefixItems || !schema.items || !Object.keys(schema.items).length)) return raw;
  return kind ?? raw;
}

function resolved(schema, document) {
  let found = schema;
  for (let steps = 0; typeof found?.$ref === "string" && found.$ref.startsWith("#/") && steps < MAX_STEPS; steps++) {
    const target = found.$ref.slice(2).split("/").reduce((at, part) => at?.[part.replaceAll("~1", "/").replaceAll("~0", "~")], document);
    const { $ref, ...rest } = found;
    found = { ...target, ...rest };
  }
  return typeof found === "object" && found !== null ? found : {};
}

/** Returns a schema without its `null`, and the number of `integer or number`, which is one control. */
function simple(schema, document) {
  let optional = false;
  let found = schema;
  for (const word of ["anyOf", "oneOf"]) {
    if (!Array.isArray(found[word])) continue;
    const all = found[word].map((each) => resolved(each, document));
    const rest = all.filter((each) => each.type !== "null");
    optional ||= rest.length < all.length;
    const { [word]: _, ...own } = found;
    if (rest.length === 1) found = { ...rest[0], ...own };
    else if (rest.every((each) => each.type === "integer" || each.type === "number")) found = { ...rest.find((each) => each.type === "number"), ...own };
    else found = { ...own, [word]: rest };
  }
  if (Array.isArray(found.type)) {
    const types = found.type.filter((each) => each !== "null");
    optional ||= types.length < found.type.length;
    found = types.length === 1 ? { ...found, type: types[0] } : { ...found, type: undefined, anyOf: types.map((type) => ({ type })) };
  }
  return { found, optional };
}

function limits(schema) {
  return Object.entries(LIMITS)
    .filter(([word]) => schema[word] !== undefined && !(Math.abs(schema[word]) >= FAR))
    .map(([word, words]) => `${words} ${visible(schema[word])}`)
    .join(", ");
}

function framed({ label, about, required }, control) {
  control.id ||= `field-${++count}`;
  const note = about ? el("p", { id: `${control.id}-about` }, text(about)) : null;
  if (note) control.setAttribute("aria-describedby", note.id);
  const name = el("label", { htmlFor: control.id }, text(label), el("span", { className: "required" }, required ? " (required)" : ""));
  return el("div", { className: "field" }, name, note, control);
}

function string(given) {
  const isLong = given.schema.maxLength === undefined || given.schema.maxLength > 80;
  const control = isLong ? el("textarea", { rows: 1, spellcheck: false }) : el("input", { type: "text", spellcheck: false });
  // A text that was never touched is not given; one that was emptied is empty.
  let touched = false;
  control.addEventListener("input", () => {
    touched = true;
    if (isLong) control.rows = Math.min(control.value.split("\n").length, 12);
  });
  return {
    element: framed(given, control),
    json: () => (control.value || touched || given.required ? JSON.stringify(control.value) : undefined),
    set: (value) => {
      control.value = typeof value === "string" ? value : JSON.stringify(value);
      touched = true;
    },
  };
}

function number(given) {
  const control = el("input", { type: "text", inputMode: given.schema.type === "integer" ? "numeric" : "decimal", autocomplete: "off", spellcheck: false });
  return {
    element: framed(given, control),
    json: () => {
      const value = control.value.trim();
      if (!value && !given.required) return undefined;
      if (!NUMBER.test(value)) throw new Invalid(`${given.label}: a number is needed.`, control);
      return value;
    },
    set: (value) => (control.value = String(value)),
  };
}

function choice(given) {
  const { schema } = given;
  const values = "const" in schema ? [schema.const] : (schema.enum ?? [true, false]);
  const names = schema.enumNames ?? values.map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  const options = values.map((value, at) => el("option", { value: JSON.stringify(value) }, visible(names[at] ?? value)));
  const control = el("select", {}, given.required ? [] : el("option", { value: "" }, "not given"), options);
  return {
    element: framed(given, control),
    json: () => control.value || undefined,
    set: (value) => (control.value = JSON.stringify(value)),
  };
}

function raw(given) {
  const control = el("textarea", { rows: 3, spellcheck: false });
  return {
    element: framed({ ...given, label: `${given.label}, as JSON` }, control),
    json: () => {
      if (!control.value.trim()) {
        if (given.required) throw new Invalid(`${given.label}: JSON is needed.`, control);
        return undefined;
      }
      try {
        JSON.parse(control.value);
      } catch (error) {
        throw new Invalid(`${given.label}: ${error.message}`, control);
      }
      return control.value;
    },
    set: (value) => (control.value = JSON.stringify(value, null, 2)),
  };
}

function list(given) {
  const items = [];
  const box = el("div", { className: "items" });
  const add = (value) => {
    const field = fieldOf(given.schema.items, `${given.label} ${items.length + 1}`, { ...given, required: true, depth: given.depth + 1 });
    const remove = el("button", { type: "button", "aria-label": `Remove ${visible(given.label)} ${items.length + 1}` }, "Remove");
    const row = el("div", {}, field.element, remove);
    remove.onclick = () => {
      items.splice(items.indexOf(field), 1);
      row.remove();
      more.focus();
    };
    items.push(field);
    box.append(row);
    if (value !== undefined) field.set(value);
    return row;
  };
  const more = el("button", { type: "button" }, "Add an item");
  more.onclick = () => add().querySelector("input, select, textarea")?.focus();
  return {
    element: fieldset(given, box, more),
    json: () => (items.length || given.required ? `[${items.map((field) => field.json() ?? "null").join(",")}]` : undefined),
    set: (value) => {
      items.length = 0;
      box.replaceChildren();
      if (Array.isArray(value)) for (const each of value) add(each);
    },
  };
}

export function group(given) {
  const { schema } = given;
  const fields = Object.entries(schema.properties ?? {}).map(([name, own]) => [name, fieldOf(own, name, { ...given, required: schema.required?.includes(name) ?? false, depth: given.depth + 1 })]);
  const boxes = fields.map(([, field]) => field.element);
  return {
    element: given.depth ? fieldset(given, ...boxes) : el("div", {}, boxes),
    json: () => {
      const isLeft = given.depth && !given.required && !boxes.some(isTouched);
      if (isLeft) return undefined;
      const pairs = fields.map(([name, field]) => [name, field.json()]).filter(([, value]) => value !== undefined);
      return `{${pairs.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
    },
    set: (value) => {
      for (const [name, field] of fields) if (value?.[name] !== undefined && value[name] !== null) field.set(value[name]);
    },
  };
}

const isTouched = (box) => [...box.querySelectorAll("input, textarea, select")].some((control) => control.value !== "") || box.querySelector(".items > div") !== null;

function branches(given) {
  const all = (given.schema.oneOf ?? given.schema.anyOf).map((each) => resolved(each, given.document));
  const fields = all.map((each) => fieldOf(each, given.label, { ...given, depth: given.depth + 1 }));
  const names = all.map((each, at) => each.title ?? (each.properties && Object.values(each.properties).find((own) => "const" in own)?.const) ?? each.type ?? `choice ${at + 1}`);
  const control = el("select", {}, given.required ? [] : el("option", { value: "" }, "not given"), names.map((name, at) => el("option", { value: String(at) }, visible(name))));
  const box = el("div");
  const show = () => box.replaceChildren(...(control.value === "" ? [] : [fields[Number(control.value)].element]));
  control.onchange = show;
  show();
  const kind = { ...given, label: `Kind of ${given.label}`, about: "" };
  return {
    element: fieldset(given, framed(kind, control), box),
    json: () => (control.value === "" ? undefined : fields[Number(control.value)].json()),
    set: (value) => {
      const at = all.findIndex((each) => isOf(value, each, given.document));
      control.value = String(Math.max(at, 0));
      show();
      fields[Math.max(at, 0)].set(value);
    },
  };
}

function isOf(value, schema, document) {
  const kinds = { array: Array.isArray(value), object: typeof value === "object" && value !== null && !Array.isArray(value), string: typeof value === "string", boolean: typeof value === "boolean", integer: Number.isInteger(value), number: typeof value === "number" };
  if (schema.type && !kinds[schema.type]) return false;
  return Object.entries(schema.properties ?? {}).every(([name, own]) => {
    const found = resolved(own, document);
    return !("const" in found) || value?.[name] === found.const;
  });
}

function fieldset({ label, about, required }, ...children) {
  return el("fieldset", {}, el("legend", {}, text(label), el("span", { className: "required" }, required ? " (required)" : "")), about ? el("p", { className: "quiet" }, text(about)) : null, children);
}
