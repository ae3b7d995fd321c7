/** How many message ids a session remembers. */
export const KNOWN_MESSAGES = 2_048;

const BYTES_PER_ID = 8;

/**
 * The ids of the messages that clients posted to a session, latest last: a client that sends its
 * whole transcript with every run would otherwise make the log grow with its square. Kept as hashes
 * of 53 bits (a wrong match among 2,048 ids has a chance of 2 in 10^13), 16 KiB at most.
 */
export class KnownMessages {
  readonly #hashes: Set<number>;

  constructor(hashes: Iterable<number> = []) {
    this.#hashes = new Set(hashes);
  }

  has(id: string): boolean {
    return this.#hashes.has(hashText(id));
  }

  /** Remembers an id as the latest, and forgets the oldest beyond the bound. */
  add(id: string): void {
    const hash = hashText(id);
    this.#hashes.delete(hash);
    this.#hashes.add(hash);
    if (this.#hashes.size <= KNOWN_MESSAGES) return;
    for (const oldest of this.#hashes) {
      this.#hashes.delete(oldest);
      return;
    }
  }

  /** As text for the head. */
  encode(): string {
    const bytes = new Uint8Array(this.#hashes.size * BYTES_PER_ID);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const hash of this.#hashes) {
      view.setFloat64(at, hash);
      at += BYTES_PER_ID;
    }
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
  }

  /** What `encode` made. Throws on anything else. */
  static decode(encoded: string): KnownMessages {
    const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
    if (bytes.length > KNOWN_MESSAGES * BYTES_PER_ID) throw new RangeError("too many messages");
    const view = new DataView(bytes.buffer);
    const hashes: number[] = [];
    for (let at = 0; at < bytes.length; at += BYTES_PER_ID) hashes.push(view.getFloat64(at));
    return new KnownMessages(hashes);
  }
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
  return 4_294_967_296 * (2_097_151 & low) + (high >>> 0);
}
