import type { Clock } from "../../ports/clock.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import { decodeBase64, encodeBase64 } from "../../stream/bytes/base64.ts";
import { concatBytes } from "../../stream/bytes/concat.ts";

/** What a ticket stands for: reading one session, as its maker may. */
interface Ticket extends SessionKey {
  /** When it was made, epoch ms. */
  readonly madeAtMs: number;
  /** The `Authorization` of its maker; null where nobody was asked for one. */
  readonly authorization: string | null;
}

/** A ticket as its maker gets it. */
interface MadeTicket {
  readonly ticket: string;
  /** When it has to be used for the first time, epoch ms. */
  readonly expiresAtMs: number;
}

/**
 * Tickets for event streams: texts that may stand in a URL, where a token may not (PROTOCOL 13.10). A ticket is what it
 * stands for, sealed (AES-256-GCM): every process with the key can open it, nothing is kept of it, and who finds one in a log
 * reads nothing in it.
 */
export interface Tickets {
  /** Throws `invalid-input` for an `authorization` that is too long for a URL. */
  make(key: SessionKey, authorization: string | null): Promise<MadeTicket>;
  /** What the text stands for. Throws `token-invalid` for one that nobody with the key has made, or too long ago. */
  open(text: string): Promise<Ticket>;
  /** Whether it is too old for a first use. */
  isLate(ticket: Ticket): boolean;
}

export interface TicketsOptions {
  readonly clock: Pick<Clock, "now">;
  /** The secret that all processes share who serve the same sessions: at least 32 bytes. Asked for once, at the first ticket. */
  readonly secret: () => Promise<Uint8Array<ArrayBuffer>>;
  /** How long in ms a ticket may wait for its first use. */
  readonly firstUseMs: number;
}

/** So long in ms a browser may come back with a ticket. */
export const TICKET_MS: number = 12 * 3_600_000;
/** So far in ms the clocks of servers may be apart. */
const SKEW_MS = 120_000;
/** Longest `Authorization` in a ticket: its URL goes through proxies that take 8 KiB. */
const MAX_AUTHORIZATION = 4_096;
const PREFIX = "rlt_";
const IV_BYTES = 12;
const INFO = new TextEncoder().encode("runlog stream ticket 1");

export function createTickets({ clock, secret, firstUseMs }: TicketsOptions): Tickets {
  let known: Promise<CryptoKey> | null = null;

  /** The key; one that could not be had is asked for again. */
  function keyOf(): Promise<CryptoKey> {
    known ??= secret()
      .then(deriveKey)
      .catch((error: unknown) => {
        known = null;
        throw error;
      });
    return known;
  }

  return {
    async make({ project, session }, authorization) {
      if (authorization !== null && authorization.length > MAX_AUTHORIZATION)
        throw new RunlogError(
          "invalid-input",
          `The token is too long for a ticket: at most ${MAX_AUTHORIZATION} characters`,
        );
      const madeAtMs = clock.now();
      const text = JSON.stringify([madeAtMs, project, session, authorization]);
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const sealed = await crypto.subtle.encrypt(
        { name: "AES-GCM", iv },
        await keyOf(),
        new TextEncoder().encode(text),
      );
      const ticket = PREFIX + toUrlText(concatBytes([iv, new Uint8Array(sealed)]));
      return { ticket, expiresAtMs: madeAtMs + firstUseMs };
    },

    async open(text) {
      const bytes = text.startsWith(PREFIX) ? fromUrlText(text.slice(PREFIX.length)) : null;
      if (!bytes || bytes.length <= IV_BYTES) throw invalid();
      const key = await keyOf();
      const iv = bytes.subarray(0, IV_BYTES);
      const opened = await crypto.subtle
        .decrypt({ name: "AES-GCM", iv }, key, bytes.subarray(IV_BYTES))
        .catch((cause: unknown) => {
          throw invalid(cause);
        });
      const ticket = ticketIn(new TextDecoder().decode(opened));
      const ageMs = clock.now() - ticket.madeAtMs;
      if (ageMs < -SKEW_MS || ageMs > TICKET_MS) throw expired();
      return ticket;
    },

    isLate: ({ madeAtMs }) => clock.now() - madeAtMs > firstUseMs,
  };
}

/** What somebody is told whose ticket is too old. */
export function expired(): RunlogError {
  return new RunlogError("token-invalid", "The ticket has expired; ask for another one");
}

function invalid(cause?: unknown): RunlogError {
  return new RunlogError("token-invalid", "The ticket is not valid; ask for another one", {
    cause,
  });
}

/** Only who has the key can have written the text. */
function ticketIn(text: string): Ticket {
  const [madeAtMs, project, session, authorization]: [number, string, string, string | null] =
    JSON.parse(text);
  return { madeAtMs, project, session, authorization };
}

async function deriveKey(secret: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: INFO };
  const aes = { name: "AES-GCM", length: 256 };
  return crypto.subtle.deriveKey(hkdf, base, aes, false, ["encrypt", "decrypt"]);
}

/** Base64 without what a URL would have to escape (RFC 4648, 5). */
function toUrlText(bytes: Uint8Array): string {
  return encodeBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function fromUrlText(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[\w-]+$/.test(text)) return null;
  try {
    return decodeBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
}
