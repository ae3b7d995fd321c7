declare global {
  interface Window {
    /** What each client of the page was given, by the client's name. */
    received: Record<string, string[]>;
  }
}

window.received = {};

/** The session's events, as the page's address says. */
export const eventsUrl = new URLSearchParams(location.search).get("events") ?? "";

/** Keeps what comes to a client, and does what every page does with it. */
export function receiver(name: string): (event: { readonly data: string }) => void {
  const received: string[] = (window.received[name] = []);
  return ({ data }) => {
    received.push(data);
    JSON.parse(data);
  };
}
