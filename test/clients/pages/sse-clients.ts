// Watches a session with three clients at once.
import { fetchEventSource } from "@microsoft/fetch-event-source";
import { SSE } from "sse.js";
import { eventsUrl, receiver } from "./received.ts";

const WAIT_MS = 500;

new EventSource(eventsUrl).addEventListener("message", receiver("EventSource"));
new SSE(eventsUrl, { autoReconnect: true }).addEventListener("message", receiver("sse.js"));
void fetchEventSource(eventsUrl, {
  openWhenHidden: true,
  onmessage: receiver("fetch-event-source"),
  // an end in order would be the last of it, says its manual
  onclose: () => {
    throw new Error("closed");
  },
  onerror: () => WAIT_MS,
});
