// A chat of TanStack AI, without anything to look at.
import { ChatClient, fetchServerSentEvents } from "@tanstack/ai-client";

declare global {
  interface Window {
    chat: ChatClient;
  }
}

const query = new URLSearchParams(location.search);
window.chat = new ChatClient({
  threadId: query.get("thread") ?? "",
  connection: fetchServerSentEvents(query.get("run") ?? ""),
});
