import type { Clock } from "../../ports/clock.ts";
import type { ObjectBucket } from "../../ports/object-bucket.ts";
import { createRetryingBucket } from "../archive/retrying-bucket.ts";
import { isObject } from "../model/json-fields.ts";

/** Where notices wait until they are delivered. */
export interface OutboxPlace {
  readonly bucket: ObjectBucket;
  /** Begins the keys: "" or a name that ends with a slash. */
  readonly prefix: string;
}

/** A notice for one address. */
export interface OutboxEntry {
  /** When it was put, epoch ms. */
  readonly createdAtMs: number;
  readonly type: string;
  /** What is sent, byte for byte. */
  readonly body: string;
}

/** Which notice for which address. */
export interface EntryName {
  /** The notice's id. */
  readonly id: string;
  /** What stands for the address. */
  readonly address: string;
}

/**
 * Notices that have not been delivered: one object `<id>.<address>` each, which goes when its address has taken it, or
 * no more is tried. An entry that is put again is the same one. Throws what the bucket throws.
 */
export interface Outbox {
  put(name: EntryName, entry: OutboxEntry): Promise<void>;
  /** The entry; null if there is none, "odd" for an object that is none. */
  read(name: EntryName): Promise<OutboxEntry | "odd" | null>;
  list(): AsyncGenerator<EntryName>;
  remove(name: EntryName): Promise<void>;
}

const MAX_ENTRY_BYTES = 64 * 1024;
const KEY = /^([a-z0-9_]+)\.([0-9a-f]+)$/;

export function createOutbox({ bucket, prefix }: OutboxPlace, clock: Clock): Outbox {
  const retrying = createRetryingBucket({ place: "the outbox of webhooks", ...bucket }, clock);
  const keyOf = ({ id, address }: EntryName): string => `${prefix}${id}.${address}`;
  return {
    put: (name, entry) =>
      retrying.put(keyOf(name), new TextEncoder().encode(JSON.stringify(entry))),

    async read(name) {
      const bytes = await retrying.read(keyOf(name), 0, MAX_ENTRY_BYTES);
      return bytes && (entryIn(new TextDecoder().decode(bytes)) ?? "odd");
    },

    async *list() {
      for await (const { key } of retrying.list(prefix)) {
        const [, id, address] = KEY.exec(key.slice(prefix.length)) ?? [];
        if (id !== undefined && address !== undefined) yield { id, address };
      }
    },

    remove: (name) => retrying.delete([keyOf(name)]),
  };
}

function entryIn(text: string): OutboxEntry | null {
  try {
    const said: unknown = JSON.parse(text);
    if (!isObject(said)) return null;
    const { body, createdAtMs, type } = said;
    const isEntry = typeof body === "string" && typeof type === "string";
    return isEntry && typeof createdAtMs === "number" ? { body, createdAtMs, type } : null;
  } catch {
    return null;
  }
}
