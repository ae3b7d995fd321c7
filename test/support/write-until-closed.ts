import type { ScriptedExchange } from "../contract/runner-client.ts";

/** Writes as a runner does that knows nothing of its events' fate, until its connection has gone. */
export async function writeUntilClosed(exchange: ScriptedExchange, piece: string): Promise<void> {
  const closed = exchange.closed.then(() => true);
  // the connection goes while a piece is on its way
  const sent = (): Promise<boolean> =>
    exchange.write(piece).then(
      () => false,
      () => closed,
    );
  while (!(await Promise.race([sent(), closed])));
}
