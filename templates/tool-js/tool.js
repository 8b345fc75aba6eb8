import { defineTools } from "./caxton.js";

export const tools = defineTools({
  hello: {
    description: "Greets somebody by name.",
    input: {
      type: "object",
      properties: { name: { type: "string", description: "Who is greeted" } },
      required: ["name"],
      additionalProperties: false,
    },
    options: { annotations: { readOnlyHint: true } },
    run: ({ name }) => `Hello, ${name}!`,
  },
});
