/** An answer of 5xx, and what is known of where it came from. */
export interface FailedAnswer {
  /** Who asked for what. */
  readonly what: string;
  readonly status: number;
  /** When it was asked and answered, in ms of the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Port of the server that was asked, behind a proxy of the last one; null if none could be. */
  readonly port: number | null;
  /** Whether the server was reached, as far as the proxy tells. */
  readonly isReached: boolean;
  /** Beginning of the body, where it was read. */
  readonly text: string;
}

/** An answer as a client has it. */
export interface AnswerFacts {
  readonly what: string;
  readonly status: number;
  readonly headers: { get(name: string): string | null | undefined };
  /** Port that the client asked. */
  readonly port: number;
  /** When it asked, in ms of the epoch. */
  readonly fromMs: number;
  readonly text?: string;
}

/** In which the proxy says which servers it asked: addresses, a comma between two. */
export const UPSTREAM_HEADER = "x-soak-upstream";
/** In which the proxy says how long it took to connect to each, `-` where it could not. */
export const CONNECT_HEADER = "x-soak-connect";

const SHOWN_CHARS = 200;
const PORT_AT_END = /:(\d+)$/;

/** Takes down an answer that has just come. */
export function failedAnswer({ headers, port, text = "", ...facts }: AnswerFacts): FailedAnswer {
  const upstream = headers.get(UPSTREAM_HEADER) ?? null;
  const lastPort = PORT_AT_END.exec(upstream ?? "")?.[1];
  const isDirect = upstream === null;
  return {
    what: facts.what,
    status: facts.status,
    fromMs: facts.fromMs,
    toMs: Date.now(),
    port: isDirect ? port : lastPort === undefined ? null : Number(lastPort),
    isReached: isDirect || !(headers.get(CONNECT_HEADER) ?? "").endsWith("-"),
    text: text.replace(/\s+/g, " ").slice(0, SHOWN_CHARS),
  };
}

export function formatFailure({ what, status, fromMs, toMs, port, text }: FailedAnswer): string {
  const at = new Date(toMs).toISOString();
  const said = text === "" ? "" : `: ${text}`;
  return `${what} answered ${status} by port ${port} at ${at}, after ${toMs - fromMs} ms${said}`;
}
