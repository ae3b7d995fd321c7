/** What an error of a session client is made of. */
interface ErrorFacts {
  readonly status: number | null;
  readonly code: string;
  readonly retryAfterMs?: number | null;
  readonly cause?: unknown;
}

/** A request that the server refused, or that it could not be asked. The message is the server's text. */
export class SessionClientError extends Error {
  override readonly name: string = "SessionClientError";
  /** The HTTP status, or null if there was no answer. */
  readonly status: number | null;
  /**
   * What is wrong, for programs: the server's own code (the end of the problem's `type`, such as
   * `session-not-found`), `http-<status>` where the answer is no problem document, `unreachable`, `silent` or `disconnected` where there was none.
   */
  readonly code: string;
  /** How long the server asks to wait before the next try, in ms; null if it does not say. */
  readonly retryAfterMs: number | null;

  constructor(message: string, { status, code, retryAfterMs = null, cause }: ErrorFacts) {
    super(message, { cause });
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether the same request may work later: there was no answer, or the server says that it is not its fault. */
  get isTransient(): boolean {
    return this.status === null || this.status >= 500 || TRANSIENT.has(this.status);
  }
}

const TRANSIENT: ReadonlySet<number> = new Set([408, 421, 425, 429]);
const PROBLEM = /^\/problems\/(.+)$/;
const SECOND = 1_000;

/** The error that an answer of status 400 or more stands for (PROTOCOL 1.1). Reads its body. */
export async function errorOf(response: Response): Promise<SessionClientError> {
  const { status } = response;
  const text = await response.text().catch(() => "");
  const problem = parsed(text);
  const [, code = `http-${status}`] = PROBLEM.exec(String(problem["type"])) ?? [];
  const said = problem["detail"] ?? problem["error"];
  const message = typeof said === "string" ? said : `The server answered HTTP ${status}`;
  const seconds = Number(response.headers.get("Retry-After") ?? NaN);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * SECOND : null;
  return new SessionClientError(message, { status, code, retryAfterMs });
}

function parsed(text: string): Record<string, unknown> {
  try {
    const said: Record<string, unknown> = Object(JSON.parse(text));
    return said;
  } catch {
    return {};
  }
}
