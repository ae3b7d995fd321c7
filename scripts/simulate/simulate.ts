import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import type { LogStore, SessionKey } from "../../src/ports/log-store.ts";
import { createSimulatedBucket, type Weather } from "./simulated-bucket.ts";
import { createVirtualTime, type SimulatedMachine, type VirtualTime } from "./virtual-time.ts";

/** What a simulation has done, for whoever wants to know that it did something. */
export interface Simulated {
  readonly acknowledged: number;
  readonly refused: number;
  readonly crashes: number;
  /** How often the session's lines changed from one machine's to another's. */
  readonly takeovers: number;
}

/** A line that was acknowledged, and where it has to be. */
interface Acknowledged {
  readonly session: string;
  readonly logId: string;
  readonly end: number;
  readonly line: string;
}

interface Machine extends SimulatedMachine {
  readonly name: string;
  readonly store: LogStore;
}

const MACHINES = 3;
const SESSIONS = ["s1", "s2"];
const STORM_MS = 90_000;
/** Leases lapse, what was late arrives, tries end. */
const CALM_MS = 240_000;
const MAX_SKEW_MS = 5_000;

/**
 * Lets a few machines write the same sessions on one bucket in virtual time, while calls fail or come late,
 * machines sleep and die, and clocks differ. Throws if anything acknowledged is missing, doubled or out of
 * order, or if what a reader has seen is ever replaced. The same seed does the same.
 */
export async function simulate(seed: number): Promise<Simulated> {
  const random = seededRandom(seed);
  const restore = replaceRandomness(random);
  try {
    return await new Simulation(random).run();
  } finally {
    restore();
  }
}

class Simulation {
  readonly #random: () => number;
  readonly #time: VirtualTime = createVirtualTime();
  readonly #objects = createMemoryObjectBucket();
  readonly #network = this.#time.machine(0);
  readonly #weather: Weather = { faults: 0.04, late: 0.01 };
  readonly #acknowledged: Acknowledged[] = [];
  /** The longest text that was read of each log. */
  readonly #seen = new Map<string, string>();
  readonly #failures: string[] = [];
  #machines: Machine[] = [];
  #born = 0;
  #refused = 0;
  #crashes = 0;
  #isCalm = false;

  constructor(random: () => number) {
    this.#random = random;
  }

  async run(): Promise<Simulated> {
    for (let i = 0; i < MACHINES; i++) this.#bear();
    while (this.#time.nowMs < STORM_MS) {
      await this.#time.pass(500 + this.#random() * 4_000);
      this.#disturb();
    }
    this.#isCalm = true;
    Object.assign(this.#weather, { faults: 0, late: 0 });
    await this.#time.pass(CALM_MS);
    const reader = this.#bear();
    await this.#checkEnd(reader);
    if (this.#failures.length > 0) throw new Error(this.#failures.join("\n"));
    return {
      acknowledged: this.#acknowledged.length,
      refused: this.#refused,
      crashes: this.#crashes,
      takeovers: this.#takeovers(),
    };
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)]!;
  }

  #bear(): Machine {
    const skewMs = (this.#random() * 2 - 1) * MAX_SKEW_MS;
    const machine = this.#time.machine(skewMs);
    const bucket = createSimulatedBucket({
      bucket: this.#objects,
      machine,
      network: this.#network,
      random: this.#random,
      weather: this.#weather,
    });
    const store = createObjectLogStore({
      bucket,
      clock: machine.clock,
      idleMs: 4_000,
      garbageMs: 10_000,
    });
    const born: Machine = Object.assign(machine, { name: `m${this.#born++}`, store });
    this.#machines.push(born);
    for (const session of SESSIONS) {
      this.#keepWriting(born, session).catch((error: unknown) => this.#fail(born, error));
      this.#keepReading(born, session).catch((error: unknown) => this.#fail(born, error));
    }
    return born;
  }

  /** A machine dies, sleeps, or nothing happens. */
  #disturb(): void {
    const machine = this.#pick(this.#machines);
    const luck = this.#random();
    if (luck < 0.1) {
      machine.isDead = true;
      this.#crashes++;
      this.#machines = this.#machines.filter((other) => other !== machine);
      this.#bear();
    } else if (luck < 0.25) machine.asleepUntilMs = this.#time.nowMs + this.#random() * 40_000;
  }

  #rest(machine: Machine, ms: number): Promise<void> {
    return new Promise((resolve) => {
      machine.clock.after(ms * this.#random(), resolve);
    });
  }

  /** Appends in bursts, several at a time, and gives the session up for others in between. */
  async #keepWriting(machine: Machine, session: string): Promise<void> {
    const key = keyOf(session);
    for (let number = 0; !this.#isCalm;) {
      await this.#rest(machine, 12_000);
      try {
        const { logId, end } = await machine.store.create(key);
        let expectedEnd = end.raw;
        for (let burst = 0; burst < 6 && !this.#isCalm; burst++) {
          const appends: Promise<void>[] = [];
          for (let i = 0; i < 1 + this.#random() * 3; i++) {
            const line = `${JSON.stringify({ by: machine.name, session, number: number++ })}\n`;
            const options = { logId, expectedEnd, durable: this.#random() < 0.2 };
            expectedEnd += line.length;
            appends.push(this.#append(machine, key, line, options));
          }
          await Promise.all(appends);
          await this.#rest(machine, 1_500);
        }
      } catch {
        this.#refused++;
      }
    }
  }

  async #append(
    { store }: Machine,
    key: SessionKey,
    line: string,
    options: { readonly logId: string; readonly expectedEnd: number; readonly durable: boolean },
  ): Promise<void> {
    const end = await store.append(key, new TextEncoder().encode(line), options);
    const { session } = key;
    this.#acknowledged.push({ session, logId: options.logId, end, line });
    if (end !== options.expectedEnd + line.length)
      this.#failures.push(`${session}: an append to ${options.expectedEnd} ended at ${end}`);
  }

  /** Reads from time to time: what was read once never changes. */
  async #keepReading(machine: Machine, session: string): Promise<void> {
    while (!this.#isCalm) {
      await this.#rest(machine, 20_000);
      const text = await read(machine.store, keyOf(session)).catch(() => null);
      if (text !== null) this.#see(session, text);
    }
  }

  #see(session: string, text: string): void {
    const seen = this.#seen.get(session) ?? "";
    const [longer, shorter] = text.length >= seen.length ? [text, seen] : [seen, text];
    if (!longer.startsWith(shorter)) this.#failures.push(`${session}: what was read has changed`);
    this.#seen.set(session, longer);
  }

  async #checkEnd(reader: Machine): Promise<void> {
    for (const session of SESSIONS) {
      let text: string | null = null;
      const reading = read(reader.store, keyOf(session)).then((found) => {
        text = found;
      });
      reading.catch((error: unknown) => this.#fail(reader, error));
      await this.#time.pass(120_000);
      if (text === null) this.#failures.push(`${session}: the log cannot be read`);
      else this.#check(session, text);
    }
  }

  #check(session: string, text: string): void {
    this.#see(session, text);
    for (const { line, end, ...of } of this.#acknowledged)
      if (of.session === session && text.slice(end - line.length, end) !== line)
        this.#failures.push(
          `${session}: ${line.trim()} was acknowledged up to ${end} and is not there`,
        );
    const last = new Map<string, number>();
    for (const line of text.split("\n").slice(0, -1)) {
      const { by, number } = JSON.parse(line) as { by: string; number: number };
      if (number <= (last.get(by) ?? -1))
        this.#failures.push(`${session}: ${line} is there twice, or out of order`);
      last.set(by, number);
    }
  }

  #takeovers(): number {
    let count = 0;
    for (const text of this.#seen.values()) {
      const writers = [...text.matchAll(/"by":"(m\d+)"/g)].map(([, by]) => by);
      count += writers.filter((by, i) => i > 0 && by !== writers[i - 1]).length;
    }
    return count;
  }

  #fail({ name }: Machine, error: unknown): void {
    this.#failures.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
  }
}

function keyOf(session: string): SessionKey {
  return { project: "p", session };
}

async function read(store: LogStore, key: SessionKey): Promise<string> {
  const stat = await store.stat(key);
  if (!stat) return "";
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of store.read(key, { logId: stat.logId, end: stat.end.raw }))
    text += decoder.decode(bytes, { stream: true });
  return text;
}

/** Numbers from 0 to 1 that depend on the seed alone (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Ids and jitter of what is simulated come from the seed as well. Returns what undoes it. */
function replaceRandomness(random: () => number): () => void {
  const before = Math.random;
  Math.random = random;
  Object.defineProperty(crypto, "getRandomValues", {
    configurable: true,
    value: (bytes: Uint8Array) => {
      for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(random() * 256);
      return bytes;
    },
  });
  return () => {
    Math.random = before;
    Reflect.deleteProperty(crypto, "getRandomValues");
  };
}
