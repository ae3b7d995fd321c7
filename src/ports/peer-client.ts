/** A request that is passed on to another process. */
interface PeerRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  /** Pulled as the peer takes it; null for none. */
  readonly body: ReadableStream<Uint8Array> | null;
  /** Ends the request, and the answer's body. */
  readonly signal: AbortSignal;
}

/**
 * Passes requests on to other processes that serve the same sessions.
 *
 * **Streaming.** Neither body is held: each is pulled as fast as the other side takes it. Nothing is added, unpacked or limited
 * in time but the connecting and silence in an answer's body. A body that was not pulled is not touched.
 *
 * **Failures.** `peer-unreachable`: no connection came about, or it broke before there was an answer. An answer that breaks later is the error of
 * its body. When `signal` aborts, its reason.
 */
export interface PeerClient {
  send(request: PeerRequest): Promise<Response>;
  /** Lets the connections go. */
  close(): Promise<void>;
}
