/** A JSON Schema. */
export type Schema = Record<string, unknown>;

/** What MCP knows of a tool beyond its schema. */
export interface ToolOptions {
  title?: string;
  outputSchema?: Schema;
  annotations?: { readOnlyHint?: boolean; destructiveHint?: boolean; idempotentHint?: boolean; openWorldHint?: boolean };
}

/** What a tool answers: a text, data, or both. */
export type Answer = string | number | boolean | object | { text: string; data?: object };

/** One tool. */
// deno-lint-ignore no-explicit-any
export interface ToolDefinition<Arguments = any> {
  /** What it does and when to use it, for a model. */
  description: string;
  /** JSON Schema of its arguments, an object; without it the tool takes none. */
  input?: Schema;
  options?: ToolOptions;
  /** Runs it; it cannot be asynchronous. */
  run(args: Arguments): Answer;
}

/** The interface `caxton:tool/tools`, as the component exports it. */
export interface Tools {
  listTools(): { name: string; description: string; inputSchema: string; optionsJson: string | null }[];
  callTool(name: string, argumentsJson: string): string;
}

/** Wrong arguments: thrown by a tool, its message tells a model how to correct them. */
export class InvalidArguments extends Error {}

/** The tools of a component, by name: `export const tools = defineTools({ … })`. */
export function defineTools(definitions: Record<string, ToolDefinition>): Tools;
