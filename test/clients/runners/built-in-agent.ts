// CopilotKit's BuiltInAgent with a mock model, as a runner.
import { BuiltInAgent, defineTool } from "@copilotkit/runtime/v2";
import { z } from "zod";
import { createMockModel } from "./mock-model.ts";
import { serve } from "./serve.ts";

serve(
  new BuiltInAgent({
    model: createMockModel(),
    maxSteps: 4,
    tools: [
      defineTool({
        name: "weather",
        description: "Says what the weather is like.",
        parameters: z.object({ city: z.string() }),
        execute: async ({ city }) => ({ city, degrees: 12 }),
      }),
      defineTool({
        name: "confirm",
        description: "Asks before something is done.",
        parameters: z.object({ action: z.string() }),
        interrupt: true,
        interruptReason: "confirmation",
        interruptMessage: "Shall I?",
      }),
    ],
  }),
);
