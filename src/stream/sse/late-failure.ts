/**
 * A delay in ms after everything that a server has scheduled before, since timers fire in the order
 * of their times.
 */
const LATE_MS = 50;

/**
 * Resolves a moment later, when a stream may fail whose answer has just begun. Node's server reads a
 * few chunks before it sends the headers; a failure then becomes an answer 500 with the error's
 * text, where a client has to see a connection that breaks (measured, @hono/node-server 2.1). In real time, whatever
 * clock the service has: the server's own timers must come first.
 */
export function aMomentLater(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, LATE_MS);
  });
}
