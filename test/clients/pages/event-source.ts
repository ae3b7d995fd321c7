// Watches a session as the README's page does.
import { eventsUrl, receiver } from "./received.ts";

new EventSource(eventsUrl).addEventListener("message", receiver("EventSource"));
