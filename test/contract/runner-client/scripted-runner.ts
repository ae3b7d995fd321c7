/** A request as a runner received it, whole. */
export interface RecordedRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** One request and the raw answer to it, piece by piece. */
export interface ScriptedExchange {
  readonly request: RecordedRequest;
  /** Sends status and headers at once, without waiting for a body. */
  answer(status: number, headers?: Readonly<Record<string, string>>): Promise<void>;
  /**
   * Sends a piece of the body by itself. Resolves when the connection has taken it, so a client
   * that does not read stops it; rejects when the connection has gone.
   */
  write(piece: Uint8Array | string): Promise<void>;
  /** Ends the body in order. */
  end(): Promise<void>;
  /** Breaks the connection off after what was written, without an end of the body. */
  breakOff(): Promise<void>;
  /** Resolves when the connection has gone or the answer is complete. */
  readonly closed: Promise<void>;
}

/** A runner whose answers a test writes byte by byte. */
export interface ScriptedRunner {
  /** Base URL, with a path of its own and a slash at its end. */
  readonly address: string;
  /** Base URL at which nothing listens, until `comeUp`. */
  readonly unreachableAddress: string;
  /** Lets the same runner listen at `unreachableAddress` too. */
  comeUp(): Promise<void>;
  /**
   * Sets what answers from now on the requests to `path`, relative to the address; default the
   * address itself, where runs are posted. What has no script is answered 404. An error of `respond`
   * breaks the connection off, and fails `dispose` of the harness unless the client had gone.
   */
  script(respond: (exchange: ScriptedExchange) => Promise<void>, path?: string): void;
  /** Every request that has arrived, oldest first. */
  readonly requests: readonly RecordedRequest[];
}
