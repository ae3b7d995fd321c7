// A Mastra agent with a mock model, as a runner.
import { MastraAgent } from "@ag-ui/mastra";
import { Mastra } from "@mastra/core";
import { Agent } from "@mastra/core/agent";
import { MockMemory } from "@mastra/core/memory";
import { InMemoryStore } from "@mastra/core/storage";
import { createTool } from "@mastra/core/tools";
import { z } from "zod";
import { createMockModel } from "./mock-model.ts";
import { serve } from "./serve.ts";

const weather = createTool({
  id: "weather",
  description: "Says what the weather is like.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => ({ city, degrees: 12 }),
});

const confirm = createTool({
  id: "confirm",
  description: "Asks before something is done.",
  inputSchema: z.object({ action: z.string() }),
  suspendSchema: z.object({ question: z.string() }),
  resumeSchema: z.object({ approved: z.boolean() }),
  execute: async ({ action }, context) => {
    const { resumeData, suspend } = context.agent ?? {};
    if (resumeData === undefined) return suspend?.({ question: `May I ${action}?` });
    return { action, approved: resumeData.approved };
  },
});

const storage = new InMemoryStore();
const agent = new Agent({
  id: "agent",
  name: "agent",
  instructions: "Be brief.",
  model: createMockModel(),
  tools: { weather, confirm },
  memory: new MockMemory({ storage, enableWorkingMemory: true, enableMessageHistory: false }),
});
const mastra = new Mastra({ agents: { agent }, storage, logger: false });
serve(
  new MastraAgent({
    agent: mastra.getAgent("agent"),
    emitInterruptOutcome: true,
  }),
);
