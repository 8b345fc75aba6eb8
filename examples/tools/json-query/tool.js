// json-query: what a path finds in a JSON document. Paths are those of RFC 9535 without filters and functions.
import { defineTools, InvalidArguments } from "../../../sdk/js/caxton.js";
import { readText } from "../../../sdk/js/files.js";

const FOUND_MAX = 1000;

/** The steps of a path, such as `$.orders[*]['total']`, `$..name`, `$.rows[0:10:2]`, `$.rows[-1]`. */
function parse(path) {
  const wrong = (at, why) => new InvalidArguments(`the path is wrong at character ${at + 1}: ${why}`);
  if (path[0] !== "$") throw wrong(0, "it begins with `$`");
  const steps = [];
  let at = 1;
  while (at < path.length) {
    const deep = path.startsWith("..", at);
    const rest = path.slice(deep ? at + 2 : at);
    const bracket = /^\[\s*((?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\]'"])*)\]/u.exec(rest);
    const name = /^(\.?)(\*|[\p{L}_][\p{L}\p{N}_]*)/u.exec(rest);
    if (bracket) {
      steps.push({ deep, selectors: selectors(bracket[1], (why) => wrong(at, why)) });
      at += (deep ? 2 : 0) + bracket[0].length;
    } else if (name && (deep ? name[1] === "" : name[1] === ".")) {
      steps.push({ deep, selectors: [name[2] === "*" ? { all: true } : { key: name[2] }] });
      at += (deep ? 2 : 0) + name[0].length;
    } else {
      throw wrong(at, "a step is `.name`, `..name`, `[0]`, `['name']`, `[1:5]` or `[*]`");
    }
  }
  return steps;
}

function selectors(text, wrong) {
  const parts = text.match(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,]+/gu) ?? [];
  if (parts.length === 0) throw wrong("nothing stands in the brackets");
  return parts.map((part) => {
    const word = part.trim();
    if (word === "*") return { all: true };
    if (/^['"]/u.test(word)) return { key: word.slice(1, -1).replace(/\\(.)/gu, "$1") };
    if (/^-?\d+$/u.test(word)) return { index: Number(word) };
    const slice = /^(-?\d+)?\s*:\s*(-?\d+)?(?:\s*:\s*(-?\d+)?)?$/u.exec(word);
    if (!slice) throw wrong(`\`${word}\` is no name in quotes, number, slice or \`*\``);
    const [from, to, step] = slice.slice(1).map((number) => (number === undefined ? undefined : Number(number)));
    return { from, to, step: step ?? 1 };
  });
}

/** The children of a node that a selector takes, as [key, value]. */
function select(value, selector) {
  if (value === null || typeof value !== "object") return [];
  if (selector.all) return Object.entries(value).map(([key, child]) => [Array.isArray(value) ? Number(key) : key, child]);
  if ("key" in selector) {
    return !Array.isArray(value) && Object.hasOwn(value, selector.key) ? [[selector.key, value[selector.key]]] : [];
  }
  if (!Array.isArray(value)) return [];
  const inside = (index) => (index < 0 ? index + value.length : index);
  if ("index" in selector) {
    const index = inside(selector.index);
    return index >= 0 && index < value.length ? [[index, value[index]]] : [];
  }
  const { step } = selector;
  const bound = (index, missing) => Math.min(Math.max(index === undefined ? missing : inside(index), step > 0 ? 0 : -1), value.length);
  const found = [];
  if (step > 0) for (let i = bound(selector.from, 0); i < bound(selector.to, value.length); i += step) found.push([i, value[i]]);
  if (step < 0) {
    const first = Math.min(bound(selector.from, value.length - 1), value.length - 1);
    for (let i = first; i > (selector.to === undefined ? -1 : bound(selector.to, -1)); i += step) found.push([i, value[i]]);
  }
  return found;
}

function query(document, steps) {
  let nodes = [["$", document]];
  for (const { deep, selectors } of steps) {
    const next = [];
    const visit = ([path, value]) => {
      for (const selector of selectors) {
        for (const [key, child] of select(value, selector)) {
          next.push([`${path}${typeof key === "number" ? `[${key}]` : `['${key.replace(/[\\']/gu, "\\$&")}']`}`, child]);
        }
      }
      if (deep) {
        for (const [key, child] of select(value, { all: true })) {
          visit([`${path}${typeof key === "number" ? `[${key}]` : `['${key.replace(/[\\']/gu, "\\$&")}']`}`, child]);
        }
      }
    };
    nodes.forEach(visit);
    nodes = next;
  }
  return nodes;
}

export const tools = defineTools({
  query: {
    description:
      "Finds values in a JSON document by a JSONPath such as `$.orders[*].total`, `$..name` or `$.rows[-1]`. " +
      "Answers with what is found and where it stands.",
    input: {
      type: "object",
      properties: {
        path: { type: "string", description: "JSONPath (RFC 9535) without filters" },
        json: { type: "string", description: "The document" },
        file: { type: "string", format: "attachment", description: "Name of an attached file with the document" },
        limit: { type: "integer", minimum: 1, maximum: FOUND_MAX, description: "How many are shown; 100 unless given" },
      },
      required: ["path"],
      additionalProperties: false,
    },
    options: { annotations: { readOnlyHint: true, openWorldHint: false } },
    run({ path, json, file, limit = 100 }) {
      if ((json === undefined) === (file === undefined)) throw new InvalidArguments("give either `json` or `file`");
      if (file?.includes("/")) throw new InvalidArguments("`file` must be the plain name of an attachment");
      const steps = parse(path);
      let document;
      try {
        document = JSON.parse(json ?? readText(`/attachments/${file}`));
      } catch (error) {
        throw new InvalidArguments(error instanceof SyntaxError ? `that is no JSON: ${error.message}` : error.message);
      }
      const found = query(document, steps);
      const shown = found.slice(0, limit);
      const values = shown.map(([, value]) => JSON.stringify(value));
      const text = found.length === 0 ? "Nothing is found." : `${found.length} found: ${values.join(", ")}`;
      return { text, data: { count: found.length, found: shown.map(([path, value]) => ({ path, value })) } };
    },
  },
});
