// caxton.js: a tool server in JavaScript. See README.md.

/** Wrong arguments: thrown by a tool, its message tells a model how to correct them. */
export class InvalidArguments extends Error {}

/**
 * The tools of a component: `export const tools = defineTools({ NAME: { description, input, options, run } })`.
 *
 * `run` gets the arguments and returns a text, an object (which goes to programs as it is and to models as JSON), or
 * `{ text, data }` with both. What it throws fails the call with its message.
 */
export function defineTools(definitions) {
  return {
    listTools: () =>
      Object.entries(definitions).map(([name, { description, input, options }]) => ({
        name,
        description,
        inputSchema: JSON.stringify(input ?? { type: "object", properties: {}, additionalProperties: false }),
        optionsJson: options === undefined ? null : JSON.stringify(options),
      })),
    callTool(name, argumentsJson) {
      if (!Object.hasOwn(definitions, name)) {
        throw { tag: "unknown-tool", val: `there is no tool \`${name}\`` };
      }
      let answer;
      try {
        answer = JSON.stringify(result(definitions[name].run(JSON.parse(argumentsJson))));
      } catch (error) {
        const tag = error instanceof InvalidArguments ? "invalid-arguments" : "failed";
        throw { tag, val: error instanceof Error ? error.message : String(error) };
      }
      return answer;
    },
  };
}

/** What a tool returned, as an MCP `CallToolResult`. */
function result(answer) {
  if (answer instanceof Promise) {
    throw new Error("a tool cannot be asynchronous: it has nothing to wait for");
  }
  if (answer === null || typeof answer !== "object") {
    return { content: [{ type: "text", text: String(answer) }], isError: false };
  }
  const isPair = typeof answer.text === "string" && Object.keys(answer).every((key) => key === "text" || key === "data");
  const { text, data } = isPair ? answer : { text: JSON.stringify(answer), data: answer };
  const structured = data === undefined ? {} : { structuredContent: Array.isArray(data) ? { items: data } : data };
  return { content: [{ type: "text", text }], ...structured, isError: false };
}
