import { factsOfLine } from "../../src/core/model/server-events.ts";
import { RunlogError, type RunlogErrorCode } from "../../src/ports/errors.ts";
import type { EventBatch, ListenRequest, RunnerClient } from "../../src/ports/runner-client.ts";
import { utf8 } from "../contract/bytes.ts";
import { waitFor } from "./wait-for.ts";

/** One `listen` of a runner, answered step by step by a test. */
export interface FakeConnection {
  readonly request: ListenRequest;
  /** Answers 200. */
  accept(): void;
  /** Fails the attempt. */
  refuse(code: RunlogErrorCode, facts?: Readonly<Record<string, unknown>>): void;
  /** Sends events together; resolves when the reader has come for the next. */
  send(...events: readonly string[]): Promise<void>;
  /** Ends the stream, or breaks it off. Resolves when its reader knows. */
  end(how: "end" | "broken"): Promise<void>;
  /** Whether nobody reads any more. */
  readonly isClosed: boolean;
}

/** A runner to listen to, without sockets. */
export function createFakeListening() {
  const connections: FakeConnection[] = [];
  let taken = 0;

  const listen: RunnerClient["listen"] = (request) => {
    const accepted = Promise.withResolvers<void>();
    const connection = new Connection(request, accepted);
    connections.push(connection);
    const leave = (): void => accepted.reject(request.signal.reason);
    request.signal.addEventListener("abort", leave);
    const counts = { malformed: 0, oversized: 0, repaired: 0 };
    return accepted.promise.then(() => ({ batches: connection.batches(), counts }));
  };

  return {
    runner: { listen },
    connections,
    /** The next attempt, when it has been made. */
    next: async (): Promise<FakeConnection> => {
      const connection = await waitFor(() => connections[taken], { what: "another attempt" });
      taken++;
      return connection;
    },
  };
}

type Step = EventBatch | "end" | "broken";

class Connection implements FakeConnection {
  readonly request: ListenRequest;
  readonly #accepted: PromiseWithResolvers<void>;
  readonly #steps: Step[] = [];
  #wake: () => void = () => {};
  #reads = 0;
  isClosed = false;

  constructor(request: ListenRequest, accepted: PromiseWithResolvers<void>) {
    this.request = request;
    this.#accepted = accepted;
  }

  accept(): void {
    this.#accepted.resolve();
  }

  refuse(code: RunlogErrorCode, facts: Readonly<Record<string, unknown>> = {}): void {
    this.#accepted.reject(new RunlogError(code, "refused", facts));
  }

  async send(...events: readonly string[]): Promise<void> {
    const lines = events.map((event) => utf8(`${event}\n`));
    await this.#step({ lines, events: lines.map((line) => factsOfLine(line)) });
  }

  async end(how: "end" | "broken"): Promise<void> {
    await this.#step(how);
  }

  async *batches(): AsyncGenerator<EventBatch, void, undefined> {
    const { signal } = this.request;
    try {
      for (;;) {
        this.#reads++;
        const step = this.#steps.shift() ?? (await this.#nextStep(signal));
        if (step === "end") return;
        if (step === "broken") throw new RunlogError("runner-disconnected", "broken");
        yield step;
      }
    } finally {
      this.isClosed = true;
    }
  }

  async #step(step: Step): Promise<void> {
    const before = this.#reads;
    this.#steps.push(step);
    this.#wake();
    await waitFor(() => this.isClosed || this.#reads > before, { what: "the batch to be taken" });
  }

  async #nextStep(signal: AbortSignal): Promise<Step> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      signal.addEventListener("abort", () => resolve());
      if (signal.aborted) resolve();
    });
    signal.throwIfAborted();
    return this.#steps.shift() ?? "end";
  }
}
