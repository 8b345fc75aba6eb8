// What every SDK must do, in JavaScript: the guest of the conformance table.
import { defineTools, InvalidArguments } from "../../js/caxton.js";
import { getenv, readText } from "../../js/files.js";

const text = (name) => ({
  type: "object",
  properties: { [name]: { type: "string" } },
  required: [name],
  additionalProperties: false,
});

function refuse(run) {
  try {
    return run();
  } catch (error) {
    throw new Error(`refused: ${error.message}`);
  }
}

const defined = defineTools({
  hello: {
    description: "Greets somebody by name.",
    input: text("name"),
    options: { annotations: { readOnlyHint: true } },
    run({ name }) {
      if (typeof name !== "string") throw new InvalidArguments("`name` must be a text");
      return `Hello, ${name}!`;
    },
  },
  echo: { description: "Says what it is told.", input: text("text"), run: ({ text }) => text },
  fail: {
    description: "Fails in the way it is asked to.",
    input: text("kind"),
    run({ kind }) {
      throw kind === "invalid" ? new InvalidArguments("as asked: invalid") : new Error("as asked: failed");
    },
  },
  big: {
    description: "Answers at length.",
    input: { type: "object", properties: { kib: { type: "integer" } }, required: ["kib"], additionalProperties: false },
    run: ({ kib }) => "x".repeat(kib * 1024),
  },
  spin: {
    description: "Never ends.",
    run() {
      for (;;);
    },
  },
  trap: { description: "Crashes.", run: () => "it did not" },
  read: { description: "Reads a file.", input: text("path"), run: ({ path }) => refuse(() => readText(path)) },
  env: {
    description: "Reads a variable of the environment.",
    input: text("name"),
    run: ({ name }) =>
      refuse(() => {
        const value = getenv(name);
        if (value === undefined) throw new Error("it is not set");
        return value;
      }),
  },
  connect: {
    description: "Connects to an address.",
    input: text("address"),
    run: ({ address }) => refuse(() => (fetch(`http://${address}/`), "connected")),
  },
});

export const tools = {
  listTools: defined.listTools,
  callTool(name, argumentsJson) {
    // Past what `defineTools` catches, an error is nothing that the world knows.
    if (name === "trap") throw new Error("a defect of the tool server");
    return defined.callTool(name, argumentsJson);
  },
};
