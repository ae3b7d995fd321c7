import { EXIT } from "./exit.ts";

const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
/** What a group was sent comes from npm once more, about so long after. */
const ECHO_MS = 500;

/**
 * Calls `stop` at the first signal that asks the process to end, a terminal's end among them. The
 * second one ends the process at once.
 */
export function onStopSignals(stop: () => Promise<void>): void {
  // a terminal and a service manager signal npm and this process alike, and npm passes its signal on
  const echoMs = process.env["npm_lifecycle_event"] === undefined ? 0 : ECHO_MS;
  let stoppingSinceMs: number | null = null;
  const onSignal = (): void => {
    if (stoppingSinceMs === null) {
      stoppingSinceMs = performance.now();
      void stop();
    } else if (performance.now() - stoppingSinceMs >= echoMs) {
      process.exit(EXIT.failed);
    }
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
}
