// A page with an agent of runlog, which follows its session as soon as it is loaded, and nothing to look at.
import { RunlogAgent } from "../../../src/client/agent.ts";

declare global {
  interface Window {
    agent: RunlogAgent;
    /** Resolves when nothing is followed any more. */
    following: Promise<unknown>;
  }
}

const query = new URLSearchParams(location.search);
const threadId = query.get("thread") ?? "";
window.agent = new RunlogAgent({ url: query.get("url") ?? "", threadId });
window.following = window.agent.connectAgent();
