import type { SessionKey } from "../../src/ports/log-store.ts";
import type { ListedObject } from "../../src/ports/object-bucket.ts";
import type { Keys, ValueName, ValueVersion } from "./keys.ts";
import type { BucketAccess } from "./log-end.ts";
import type { ListedFolder } from "./listed-folders.ts";
import { allObjects } from "./object-pages.ts";
import { readWhole } from "./read-whole.ts";

/** The values of an incarnation as they lie in the bucket. */
export interface StoredValues {
  readonly head: Uint8Array | null;
  readonly document: Uint8Array | null;
  /** As `session-notes.ts` encodes them. */
  readonly notes: Uint8Array | null;
  /** Where the newest versions lie. */
  readonly storedAt: Readonly<Record<ValueName, string | undefined>>;
  /** Where old versions lie. */
  readonly old: readonly string[];
}

/** The newest version of each value in a folder, which was `listed` already, or not. */
export async function readValuesIn(
  access: BucketAccess,
  prefix: string,
  listed?: ListedFolder,
): Promise<StoredValues> {
  const { keys } = access;
  for (let known = listed?.more === false ? listed : null; ; known = null) {
    const objects = known?.objects ?? (await allObjects(access, prefix));
    const newest: Partial<Record<ValueName, ListedObject>> = {};
    const old: string[] = [];
    for (const object of objects) {
      const name = keys.parseValue(object.key)?.name;
      if (name === undefined) continue;
      if (newest[name] === undefined) newest[name] = object;
      else old.push(object.key);
    }
    const [head, document, notes] = await Promise.all([
      readValue(access, newest.head),
      readValue(access, newest.document),
      readValue(access, newest.notes),
    ]);
    if (head === REPLACED || document === REPLACED || notes === REPLACED) continue;
    const storedAt = {
      head: newest.head?.key,
      document: newest.document?.key,
      notes: newest.notes?.key,
    };
    return { head, document, notes, storedAt, old };
  }
}

/** The values that an incarnation begins with. */
export type FirstValues = Readonly<Record<"head" | "document", Uint8Array | null>>;

/**
 * Puts the values of an incarnation that is about to be made. Their numbers begin at `number`: a log may get
 * an id that it had before, and what is on its way from that time must not meet them.
 */
export async function putFirstValues(
  { bucket, keys, retry }: BucketAccess,
  key: SessionKey,
  logId: string,
  version: ValueVersion,
  values: FirstValues,
): Promise<StoredValues> {
  const put = async (name: keyof FirstValues): Promise<string | undefined> => {
    const content = values[name];
    if (content === null) return undefined;
    const to = keys.value(key, logId, name, version);
    const bytes = content.length;
    await retry.until((signal) => bucket.put(to, content, { signal }), { bytes });
    return to;
  };
  const [head, document] = await Promise.all([put("head"), put("document")]);
  return { ...values, notes: null, storedAt: { head, document, notes: undefined }, old: [] };
}

/** The version that the key of a value names, as text. */
export function versionIn(keys: Keys, key: string): string | null {
  const version = keys.parseValue(key);
  return version && `${version.epoch}.${version.number}`;
}

/** What was listed has gone: there is a newer one. */
const REPLACED = Symbol("replaced");

async function readValue(
  { bucket, retry }: BucketAccess,
  listed: ListedObject | undefined,
): Promise<Uint8Array | null | typeof REPLACED> {
  if (listed === undefined) return null;
  if (listed.size === 0) return new Uint8Array(0);
  return retry.until(async (signal) => {
    const found = await bucket.get(listed.key, { signal });
    return found === null ? REPLACED : readWhole(found);
  });
}

export interface SessionValueOptions {
  readonly access: BucketAccess;
  readonly key: SessionKey;
  readonly logId: string;
  readonly name: ValueName;
  readonly epoch: number;
  readonly content: Uint8Array | null;
  /** Where `content` lies, if it is there. */
  readonly storedAt: string | undefined;
  /** Rejects unless this process has the session. Asked before each put and after it. */
  readonly hold: () => Promise<void>;
}

/**
 * A value while this process has its session. Each version is an object of its own, named by the
 * holder's epoch and a number, so that neither a late put nor a former holder can bring an old one
 * back; the version before is deleted when its follower is there.
 */
export class SessionValue {
  readonly #options: SessionValueOptions;
  #content: Uint8Array | null;
  #number = 0;
  #writing: Promise<void> = Promise.resolve();
  #next: { content: Uint8Array; done: Promise<void> } | null = null;
  #storedAt: string | undefined;
  #isWriting = false;

  constructor(options: SessionValueOptions) {
    this.#options = options;
    this.#content = options.content;
    this.#storedAt = options.storedAt;
    const { access, epoch, storedAt } = options;
    const stored = storedAt === undefined ? null : access.keys.parseValue(storedAt);
    if (stored?.epoch === epoch) this.#number = stored.number + 1;
  }

  /** As last set. */
  get content(): Uint8Array | null {
    return this.#content;
  }

  /** The version that was put last, as text, or null. */
  get version(): string | null {
    const { keys } = this.#options.access;
    return this.#storedAt === undefined ? null : versionIn(keys, this.#storedAt);
  }

  get isBusy(): boolean {
    return this.#next !== null || this.#isWriting;
  }

  /** Replaces the content by a copy. Of those that wait for a put under way the last one is put. */
  set(content: Uint8Array): Promise<void> {
    if (this.#next) {
      this.#next.content = content.slice();
      return this.#next.done;
    }
    const next = { content: content.slice(), done: Promise.resolve() };
    next.done = this.#writing.then(async () => {
      this.#next = null;
      this.#isWriting = true;
      await this.#put(next.content).finally(() => {
        this.#isWriting = false;
      });
    });
    this.#next = next;
    this.#writing = next.done.catch(() => {});
    return next.done;
  }

  /** Puts the content once more, so that nothing that a former holder puts yet is newer. */
  async renew(): Promise<void> {
    if (this.#content !== null) await this.set(this.#content);
  }

  /** Resolves when nothing is being put; never rejects. */
  settled(): Promise<void> {
    return this.#writing;
  }

  async #put(content: Uint8Array): Promise<void> {
    const { access, key, logId, name, epoch, hold } = this.#options;
    const { bucket, keys, retry } = access;
    await hold();
    const version: ValueVersion = { epoch, number: this.#number++ };
    const to = keys.value(key, logId, name, version);
    await retry.until((signal) => bucket.put(to, content, { signal }), {
      bytes: content.length,
    });
    await hold();
    this.#content = content;
    const before = this.#storedAt;
    this.#storedAt = to;
    // an old version is only in the way; the next holder deletes what stays
    if (before !== undefined) bucket.delete([before]).catch(() => {});
  }
}
