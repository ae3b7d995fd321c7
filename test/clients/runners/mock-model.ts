import { MockLanguageModelV3, simulateReadableStream } from "ai/test";

type StreamPart =
  Awaited<ReturnType<MockLanguageModelV3["doStream"]>>["stream"] extends ReadableStream<infer Part>
    ? Part
    : never;
type Prompt = Parameters<MockLanguageModelV3["doStream"]>[0]["prompt"];

type ToolContent = Extract<Prompt[number], { role: "tool" }>["content"][number];

const USAGE = {
  inputTokens: { total: 3, noCache: 3, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 7, text: 7, reasoning: 0 },
};

/** A model that does by a word of the last message what a model might, in small pieces. */
export function createMockModel(): MockLanguageModelV3 {
  return new MockLanguageModelV3({
    doStream: async ({ prompt }) => ({
      stream: simulateReadableStream<StreamPart>({
        chunks: [{ type: "stream-start", warnings: [] }, ...answer(prompt)],
      }),
    }),
  });
}

function answer(prompt: Prompt): StreamPart[] {
  const last = prompt.findLast(({ role }) => role !== "system");
  if (last?.role === "tool") return text(`That gave ${valueOf(last.content.at(-1))}`);
  const parts = last?.role === "user" ? last.content : [];
  const said = parts.map((part) => (part.type === "text" ? part.text : "")).join(" ");
  const file = parts.find((part) => part.type === "file");
  if (file !== undefined) return text(`I see an ${file.mediaType}`);
  const tool = CALLS.find(([word]) => said.includes(word));
  if (tool !== undefined) return call(tool[0], tool[1], prompt.length);
  return said.includes("think") ? [...thought("Let me see"), ...text(said)] : text(said);
}

/** Tools that are called when the user says their name, and their arguments. */
const CALLS: readonly (readonly [string, unknown])[] = [
  ["weather", { city: "Oslo" }],
  ["paint", { colour: "blue" }],
  ["confirm", { action: "delete" }],
  ["AGUISendStateSnapshot", { snapshot: { count: 7, list: ["a", "b"] } }],
  ["AGUISendStateDelta", { delta: [{ op: "replace", path: "/count", value: 8 }] }],
  ["updateWorkingMemory", { memory: '{"count":7,"list":["a","b"]}' }],
];

function text(said: string): StreamPart[] {
  const id = `text-${crypto.randomUUID()}`;
  return [
    { type: "text-start", id },
    ...pieces(said).map((delta) => ({ type: "text-delta" as const, id, delta })),
    { type: "text-end", id },
    finish("stop"),
  ];
}

function thought(said: string): StreamPart[] {
  const id = `thought-${crypto.randomUUID()}`;
  return [
    { type: "reasoning-start", id },
    ...pieces(said).map((delta) => ({ type: "reasoning-delta" as const, id, delta })),
    { type: "reasoning-end", id },
  ];
}

function call(toolName: string, input: unknown, turn: number): StreamPart[] {
  const id = `call-${toolName}-${turn}-${crypto.randomUUID()}`;
  const json = JSON.stringify(input);
  return [
    { type: "tool-input-start", id, toolName },
    ...pieces(json).map((delta) => ({ type: "tool-input-delta" as const, id, delta })),
    { type: "tool-input-end", id },
    { type: "tool-call", toolCallId: id, toolName, input: json },
    finish("tool-calls"),
  ];
}

const pieces = (whole: string): string[] => whole.match(/.{1,7}/gsu) ?? [];

const finish = (reason: "stop" | "tool-calls"): StreamPart => ({
  type: "finish",
  finishReason: { unified: reason, raw: reason },
  usage: USAGE,
});

/** What a tool gave, without what frameworks add to it. */
function valueOf(part?: ToolContent): string {
  return part?.type === "tool-result" && "value" in part.output
    ? JSON.stringify(part.output.value)
    : "";
}
