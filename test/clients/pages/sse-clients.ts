// Watches a session with three clients at once; what each was given is in `window.received`.
import { fetchEventSource } from "@microsoft/fetch-event-source";
import { SSE } from "sse.js";

declare global {
  interface Window {
    received: Record<string, string[]>;
  }
}

const url = new URLSearchParams(location.search).get("events") ?? "";
window.received = {};

/** Keeps what comes, and does what every page does with it. */
function receiver(name: string): (event: { readonly data: string }) => void {
  const received: string[] = (window.received[name] = []);
  return ({ data }) => {
    received.push(data);
    JSON.parse(data);
  };
}

new EventSource(url).addEventListener("message", receiver("EventSource"));

new SSE(url, { autoReconnect: true }).addEventListener("message", receiver("sse.js"));

const WAIT_MS = 500;
void fetchEventSource(url, {
  openWhenHidden: true,
  onmessage: receiver("fetch-event-source"),
  // an end in order would be the last of it, says its manual
  onclose: () => {
    throw new Error("closed");
  },
  onerror: () => WAIT_MS,
});
