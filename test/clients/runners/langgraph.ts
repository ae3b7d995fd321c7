// A graph on LangGraph's in-memory server for development, with its AG-UI adapter, as a runner.
import { LangGraphAgent } from "@ag-ui/langgraph";
import { serve } from "./serve.ts";
import { startLangGraph } from "./start-langgraph.ts";

serve(
  new LangGraphAgent({
    deploymentUrl: `http://${await startLangGraph()}`,
    graphId: "agent",
    emitInterruptOutcome: true,
  }),
);
