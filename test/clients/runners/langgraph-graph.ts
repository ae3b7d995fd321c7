// The graph that LangGraph's server runs: a mock model, a tool of its own, a question, a state.
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import {
  type AIMessage,
  AIMessageChunk,
  type BaseMessage,
  type ToolCallChunk,
  ToolMessage,
} from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";
import { interrupt, MessagesValue, StateGraph, StateSchema } from "@langchain/langgraph";
import { z } from "zod";

/** Does by a word of the last message what a model might, in small pieces. */
class MockChatModel extends BaseChatModel {
  override _llmType(): string {
    return "mock";
  }

  override async _generate(): Promise<ChatResult> {
    throw new Error("this model streams");
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    _options: this["ParsedCallOptions"],
    run?: { handleLLMNewToken(...args: unknown[]): Promise<void> },
  ): AsyncGenerator<ChatGenerationChunk> {
    const id = `lc_run--${crypto.randomUUID()}`;
    for (const fields of answer(messages)) {
      const message = new AIMessageChunk({ id, ...fields });
      const text = typeof fields.content === "string" ? fields.content : "";
      const chunk = new ChatGenerationChunk({ message, text });
      yield chunk;
      await run?.handleLLMNewToken(text, undefined, undefined, undefined, undefined, { chunk });
    }
  }
}

interface Fields {
  readonly content: string | { readonly type: string; readonly [member: string]: unknown }[];
  readonly tool_call_chunks?: ToolCallChunk[];
}

const CALLS: readonly (readonly [string, object])[] = [
  ["weather", { city: "Oslo" }],
  ["paint", { colour: "blue" }],
];

function answer(messages: readonly BaseMessage[]): Fields[] {
  const last = messages.at(-1);
  if (last?.getType() === "tool") return text(`That gave ${last.text}`);
  const content = last?.content ?? "";
  if (typeof content !== "string") return text(`I see ${content.map(({ type }) => type).join()}`);
  const tool = CALLS.find(([word]) => content.includes(word));
  if (tool !== undefined) return call(...tool);
  const thought = pieces("Let me see").map((reasoning) => ({
    content: [{ type: "reasoning", reasoning, index: 0 }],
  }));
  return content.includes("think") ? [...thought, ...text(content)] : text(content);
}

const pieces = (whole: string): string[] => whole.match(/.{1,7}/gsu) ?? [];
const text = (said: string): Fields[] => pieces(said).map((content) => ({ content }));

function call(name: string, input: object): Fields[] {
  const id = `call-${name}-${crypto.randomUUID()}`;
  return pieces(JSON.stringify(input)).map((args, index) => ({
    content: "",
    tool_call_chunks: [
      { index: 0, args, type: "tool_call_chunk", ...(index === 0 ? { id, name } : {}) },
    ],
  }));
}

// of such a schema the server need not ask TypeScript, which would take it 15 s
const State = new StateSchema({ messages: MessagesValue, count: z.number().default(0) });

const model = new MockChatModel({});
/** The last message, whoever it is from: only the model's have calls. */
const lastOf = ({ messages }: { readonly messages: BaseMessage[] }): AIMessage =>
  messages.at(-1) as AIMessage;

export const graph = new StateGraph(State)
  .addNode("think", async ({ messages, count }) => ({
    messages: [await model.invoke(messages)],
    count: count + 1,
  }))
  .addNode("look", async (state) => ({
    messages: [
      new ToolMessage({
        tool_call_id: lastOf(state).tool_calls?.[0]?.id ?? "",
        content: '{"city":"Oslo","degrees":12}',
      }),
    ],
  }))
  .addNode("ask", async () => {
    const answered: unknown = interrupt({ reason: "confirmation", message: "Shall I?" });
    return { messages: [{ type: "human", content: `think: ${JSON.stringify(answered)}` }] };
  })
  .addConditionalEdges("__start__", (state) =>
    lastOf(state).text.includes("confirm") ? "ask" : "think",
  )
  .addEdge("ask", "think")
  .addEdge("look", "think")
  .addConditionalEdges("think", (state) =>
    lastOf(state).tool_calls?.[0]?.name === "weather" ? "look" : "__end__",
  )
  .compile();
