/** Messages that a session knows one by one. */
export const KNOWN_MESSAGES = 2_048;

/** Groups of older messages that it knows. */
const MAX_GROUPS = 1_024;
/** Messages that a group has on average; it has at most four times as many. */
const MIN_GROUP_SIZE = 64;

const ID_BYTES = 6;
const CONTENT_BYTES = 4;
const MESSAGE_BYTES = ID_BYTES + CONTENT_BYTES;
/** Bytes of an id in a checkpoint of the previous version. */
const FIRST_ID_BYTES = 8;
const TWO_16 = 65_536;
const TWO_32 = 4_294_967_296;
/** An odd number of 48 bits, as far as any from the ids of other messages. */
const CORE_ID = 0x5bd1_e995_9e37;

/** A message that a client posted, as it is recognised (`message-digest.ts`). */
export interface MessageDigest {
  /** 48 bits of its id: a wrong match among 2,048 ids has a chance of 1 in 10^11. */
  readonly id: number;
  /** 32 bits of its other content. */
  readonly content: number;
}

/** A message that the log says itself, from the events of a runner. */
export interface LearnedMessage {
  readonly whole: MessageDigest;
  /** The content without what some clients drop; null if there is nothing of that. */
  readonly core: number | null;
}

/** A transcript's groups of messages, as hashes of 48 bits. */
interface Groups {
  readonly size: number;
  readonly hashes: ReadonlySet<number>;
}

const NO_GROUPS: Groups = { size: MIN_GROUP_SIZE, hashes: new Set() };

/**
 * The messages that clients posted to a session, or that runners streamed, so that a client that sends its
 * whole transcript with every run does not make the log grow with its square. A message is known if it
 * was posted or streamed before under its id with the same content.
 *
 * The latest 2,048 are known one by one. Of a longer transcript the older ones are known in groups
 * that end at ids of certain hashes, so that a group is found again whatever comes before it: one
 * changed message makes its group unknown and no other. Only the groups of the latest longer
 * transcript are known. That takes 20 KiB for the messages and at most 6 KiB for the groups, which
 * grow in size with the transcript and not in number.
 */
export class PostedMessageIds {
  /** Content by id, latest last. */
  readonly #contents: Map<number, number>;
  #groups: Groups;
  /**
   * Ids of messages whose content was not recorded, by a version that knew messages by their ids.
   */
  #ids: ReadonlySet<number>;
  #readTo: number;

  constructor(
    contents: Iterable<readonly [number, number]> = [],
    groups: Groups = NO_GROUPS,
    ids: ReadonlySet<number> = new Set(),
    readTo = 0,
  ) {
    this.#readTo = readTo;
    this.#contents = new Map(contents);
    this.#groups = groups;
    this.#ids = ids;
  }

  /** Up to where the log was read for messages that runners streamed. */
  get readTo(): number {
    return this.#readTo;
  }

  /** Remembers messages that the log says up to `readTo`, unless clients have posted others of their ids. */
  learn(messages: readonly LearnedMessage[], readTo: number): void {
    this.#readTo = readTo;
    for (const { whole, core } of messages.slice(-KNOWN_MESSAGES)) {
      if (this.#contents.has(whole.id)) continue;
      this.#add(whole);
      if (core !== null) this.#add({ id: coreIdOf(whole.id), content: core });
    }
  }

  /** The places in a transcript of the messages that are not known. */
  unknown(transcript: readonly MessageDigest[]): number[] {
    const inKnownGroup = this.#inKnownGroups(transcript);
    const unknown: number[] = [];
    for (const [place, { id, content }] of transcript.entries()) {
      const latest = this.#contents.get(id);
      const isKnown =
        latest === undefined
          ? inKnownGroup.has(place) || this.#ids.has(id)
          : this.#hasContent(id, content);
      if (!isKnown) unknown.push(place);
    }
    return unknown;
  }

  /**
   * Remembers a transcript, of which the messages at `stored` were just stored, but for those at
   * `unfinished`, which will be others.
   */
  remember(
    transcript: readonly MessageDigest[],
    stored: readonly number[],
    unfinished: ReadonlySet<number> = new Set(),
  ): void {
    // what was stored last is what a client that sends a part of its transcript is likely to send again
    const from = Math.max(0, transcript.length - KNOWN_MESSAGES);
    for (const [place, message] of transcript.slice(from).entries())
      if (!unfinished.has(from + place)) this.#addPosted(message);
    for (const place of stored.slice(-KNOWN_MESSAGES)) {
      const message = transcript[place];
      if (message) this.#addPosted(message);
    }
    if (transcript.length > KNOWN_MESSAGES) this.#groups = groupsOf(transcript);
    this.#ids = new Set();
  }

  /** The messages as text for the checkpoint. */
  encode(): EncodedMessages {
    const bytes = new Uint8Array(this.#contents.size * MESSAGE_BYTES);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const [id, content] of this.#contents) {
      putHash(view, at, id);
      view.setUint32(at + ID_BYTES, content);
      at += MESSAGE_BYTES;
    }
    const { size, hashes } = this.#groups;
    const groups = encodeHashes(hashes);
    return { messages: base64(bytes), groupSize: size, groups, readTo: this.#readTo };
  }

  /** Decodes the result of `encode`. Throws on anything else. */
  static decode({ messages, groupSize, groups, readTo }: EncodedMessages): PostedMessageIds {
    const bytes = recordsOf(messages, MESSAGE_BYTES, KNOWN_MESSAGES);
    if (!isGroupSize(groupSize)) throw new RangeError("no size of groups");
    const view = new DataView(bytes.buffer);
    const contents: [number, number][] = [];
    for (let at = 0; at < bytes.length; at += MESSAGE_BYTES)
      contents.push([hashAt(view, at), view.getUint32(at + ID_BYTES)]);
    const from = Number.isSafeInteger(readTo) ? Number(readTo) : 0;
    const known = { size: groupSize, hashes: decodeHashes(groups) };
    return new PostedMessageIds(contents, known, new Set(), from);
  }

  /** Decodes a checkpoint with ids alone, as doubles. Throws on anything else. */
  static decodeIds(encoded: string): PostedMessageIds {
    const bytes = recordsOf(encoded, FIRST_ID_BYTES, KNOWN_MESSAGES);
    const view = new DataView(bytes.buffer);
    const ids = new Set<number>();
    for (let at = 0; at < bytes.length; at += FIRST_ID_BYTES)
      ids.add(shortHash(view.getFloat64(at)));
    return new PostedMessageIds([], NO_GROUPS, ids);
  }

  #hasContent(id: number, content: number): boolean {
    return this.#contents.get(id) === content || this.#contents.get(coreIdOf(id)) === content;
  }

  /** Remembers a message that was posted: what its runner has streamed stays known as it was. */
  #addPosted({ id, content }: MessageDigest): void {
    const coreId = coreIdOf(id);
    const core = this.#contents.get(coreId);
    const isStreamed = core !== undefined && this.#hasContent(id, content);
    const whole = isStreamed ? this.#contents.get(id) : undefined;
    this.#contents.delete(coreId);
    this.#add({ id, content: whole ?? content });
    if (isStreamed) this.#add({ id: coreId, content: core });
  }

  /** Remembers a message as the latest, and forgets the oldest beyond the bound. */
  #add({ id, content }: MessageDigest): void {
    this.#contents.delete(id);
    this.#contents.set(id, content);
    if (this.#contents.size <= KNOWN_MESSAGES) return;
    for (const oldest of this.#contents.keys()) {
      this.#contents.delete(oldest);
      return;
    }
  }

  #inKnownGroups(transcript: readonly MessageDigest[]): ReadonlySet<number> {
    const places = new Set<number>();
    const { size, hashes } = this.#groups;
    if (hashes.size === 0) return places;
    for (const { start, end, hash } of grouped(transcript, size))
      if (hashes.has(hash)) for (let place = start; place < end; place++) places.add(place);
    return places;
  }
}

/** The part of a checkpoint that holds the messages. */
export interface EncodedMessages {
  readonly messages: string;
  readonly groupSize: number;
  readonly groups: string;
  /** Missing in checkpoints of earlier versions. */
  readonly readTo?: number;
}

/** The smallest groups of a transcript that are few enough. */
function groupsOf(transcript: readonly MessageDigest[]): Groups {
  for (let size = MIN_GROUP_SIZE; ; size *= 2) {
    const hashes = new Set<number>();
    for (const { hash } of grouped(transcript, size)) hashes.add(hash);
    if (hashes.size <= MAX_GROUPS) return { size, hashes };
  }
}

interface Group {
  readonly start: number;
  readonly end: number;
  readonly hash: number;
}

/** The transcript in groups; the last one is whole only if it ends as groups do. */
function* grouped(transcript: readonly MessageDigest[], size: number): Generator<Group> {
  let start = 0;
  let high = 0;
  let low = 0;
  for (const [place, { id, content }] of transcript.entries()) {
    high = Math.imul((high ^ id) + content, 0x9e3779b1) ^ (high >>> 15);
    low = Math.imul((low ^ content) + Math.floor(id / TWO_16), 0x85ebca6b) ^ (low >>> 13);
    if (id % size !== 0 && place - start + 1 < 4 * size) continue;
    yield { start, end: place + 1, hash: (high >>> 16) * TWO_32 + (low >>> 0) };
    start = place + 1;
    high = 0;
    low = 0;
  }
}

function encodeHashes(hashes: ReadonlySet<number>): string {
  const bytes = new Uint8Array(hashes.size * ID_BYTES);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const hash of hashes) {
    putHash(view, at, hash);
    at += ID_BYTES;
  }
  return base64(bytes);
}

function decodeHashes(encoded: string): ReadonlySet<number> {
  const bytes = recordsOf(encoded, ID_BYTES, MAX_GROUPS);
  const view = new DataView(bytes.buffer);
  const hashes = new Set<number>();
  for (let at = 0; at < bytes.length; at += ID_BYTES) hashes.add(hashAt(view, at));
  return hashes;
}

function putHash(view: DataView, at: number, hash: number): void {
  view.setUint16(at, Math.floor(hash / TWO_32));
  view.setUint32(at + 2, hash % TWO_32);
}

function hashAt(view: DataView, at: number): number {
  return view.getUint16(at) * TWO_32 + view.getUint32(at + 2);
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** The bytes of at most `most` records of `size` bytes. Throws on anything else. */
function recordsOf(encoded: string, size: number, most: number): Uint8Array {
  const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
  if (bytes.length > size * most || bytes.length % size !== 0)
    throw new RangeError(`no ${most} records of ${size} bytes`);
  return bytes;
}

/** Whether groups may be of that size: the smallest, doubled any number of times. */
function isGroupSize(size: number): boolean {
  return size >= MIN_GROUP_SIZE && Number.isInteger(Math.log2(size / MIN_GROUP_SIZE));
}

/** The id under which it is kept what a message is without what some clients drop. */
function coreIdOf(id: number): number {
  return (id + CORE_ID) % (TWO_16 * TWO_32);
}

/** 48 of the 53 bits of `hashText`. */
export function shortHash(hash: number): number {
  return hash % (TWO_16 * TWO_32);
}

/** Two 32-bit multiplicative hashes of the text, joined to 53 bits. */
export function hashText(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x9e3779b1);
    low = Math.imul(low ^ unit, 0x5f356495);
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  return TWO_32 * (2_097_151 & low) + (high >>> 0);
}
