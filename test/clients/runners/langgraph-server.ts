// LangGraph's server alone, for an agent that is elsewhere.
import { startLangGraph } from "./start-langgraph.ts";

process.stdout.write(`port ${(await startLangGraph()).split(":").at(-1)}\n`);
