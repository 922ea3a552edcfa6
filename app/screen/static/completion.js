// What can be written at a place in a model: fields and values from its JSON Schema, names from the text itself.

const KEY = /^(\s*)(- +)?("?[\w][\w .-]*"?)\s*:(?=\s|$)/;

const indentOf = (line) => line.length - line.trimStart().length;

// The path of keys that leads to the end of the text. A list's item is written as [].
export function pathAt(text) {
  const lines = text.split("\n");
  const last = lines.pop();
  const { path, rest, indent } = blockAt(last);
  let limit = indent;
  let flow = rest;
  const outer = [];
  for (let at = lines.length - 1; at >= 0 && limit > 0; at -= 1) {
    const line = lines[at];
    if (!line.trim() || line.trim().startsWith("#")) continue;
    const keys = keysAbove(line, limit);
    if (!keys) continue;
    outer.unshift(...keys);
    limit = indentOf(line);
    const value = line.slice(line.match(KEY)?.[0].length ?? 0);
    if (flowDepth(value) > 0) flow = `${value} ${lines.slice(at + 1).join(" ")} ${last}`;
  }
  return [...outer, ...(flow === rest ? path : []), ...flowPath(flow)];
}

// The keys by which a line holds what is indented as far as `limit`; null if it doesn't hold that.
function keysAbove(line, limit) {
  if (indentOf(line) >= limit) return null;
  const dash = line.match(/^\s*- +/)?.[0].length;
  const key = line.match(KEY)?.[3];
  if (dash === undefined) return key ? [name(key)] : null;
  return key && dash < limit ? ["[]", name(key)] : ["[]"];
}

const name = (key) => key.replaceAll('"', "");

const flowDepth = (text) => [...text].reduce((depth, c) => depth + ("{[".includes(c) ? 1 : "}]".includes(c) ? -1 : 0), 0);

function blockAt(line) {
  const found = line.match(KEY);
  const dash = line.match(/^(\s*)- +/);
  const path = [...(dash ? ["[]"] : []), ...(found ? [name(found[3])] : [])];
  return { path, rest: found ? line.slice(found[0].length) : line.trim(), indent: indentOf(line) };
}

// The keys within braces and brackets that are still open at the end.
function flowPath(text) {
  const stack = [];
  let word = "";
  for (const c of text) {
    if (c === "{") stack.push({ list: false, key: null });
    else if (c === "[") stack.push({ list: true, key: "[]" });
    else if (c === "}" || c === "]") stack.pop();
    else if (c === ":" && stack.length && !stack.at(-1).list) stack.at(-1).key = word.trim();
    else if (c === "," && stack.length && !stack.at(-1).list) stack.at(-1).key = null;
    word = "{[,:".includes(c) ? "" : word + c;
  }
  return stack.map((each) => each.key).filter((key) => key !== null);
}

// The schema's parts that apply at a path: several, where it allows alternatives.
export function schemasAt(schema, path) {
  return path.reduce((found, step) => found.flatMap((each) => inner(schema, each, step)), expanded(schema, schema));
}

function expanded(schema, part) {
  if (!part || typeof part !== "object") return [];
  if (part.$ref) return expanded(schema, part.$ref.split("/").slice(1).reduce((at, key) => at[key], schema));
  const alternatives = [...(part.anyOf ?? []), ...(part.oneOf ?? []), ...(part.allOf ?? [])];
  return [part, ...alternatives.flatMap((each) => expanded(schema, each))];
}

function inner(schema, part, step) {
  if (step === "[]") return expanded(schema, part.items);
  const anyName = part.additionalProperties || Object.values(part.patternProperties ?? {})[0];
  return expanded(schema, part.properties?.[step] ?? anyName);
}

// The keys below a top-level key: the names of signals or scores.
export function namesIn(text, section) {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`${section}:`));
  if (start < 0) return [];
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => /^[a-z]/i.test(line));
  const body = end < 0 ? rest : rest.slice(0, end);
  return body.map((line) => line.match(/^ {2}([\w]+)\s*:/)?.[1]).filter(Boolean);
}

const typeOf = (part) => (part.enum ? part.enum.join(", ") : { integer: "whole number", object: "fields" }[part.type] ?? part.type ?? "");

const REFERENCES = { signal: "signals", score: "scores" };

// `{label, detail, info, apply}` for each field or value that can follow the text up to the cursor.
export function optionsAt(schema, before, whole) {
  const path = pathAt(before);
  const key = path.at(-1);
  const isValue = /:\s*[\w-]*$/.test(before.split("\n").at(-1)) && key !== "[]";
  const parts = schemasAt(schema, path);
  if (isValue) {
    const names = REFERENCES[key] ? namesIn(whole, REFERENCES[key]) : [];
    const values = parts.flatMap((part) => part.enum ?? (part.type === "boolean" ? ["true", "false"] : []));
    return [...names, ...values].map((each) => ({ label: String(each), type: "constant" }));
  }
  const fields = new Map(parts.flatMap((part) => Object.entries(part.properties ?? {})));
  return [...fields].map(([label, part]) => ({
    label,
    type: "property",
    detail: expanded(schema, part).map(typeOf).find(Boolean) ?? "",
    info: part.description,
    apply: `${label}: `,
  }));
}
