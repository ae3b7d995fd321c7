import * as fc from "fast-check";

type Json = Record<string, unknown>;
interface Call {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; arguments: string };
}
interface Message {
  id: string;
  role: string;
  content?: unknown;
  toolCalls?: Call[];
  toolCallId?: string;
  metadata?: unknown;
}

/** How an agent makes its log. */
export interface AgentStyle {
  /** Only what every published client accepts as it is. */
  readonly isValid: boolean;
  /** Nothing of which clients before 1.0 keep the messages in ways of their own. */
  readonly isOlder?: boolean;
}

const WORDS = [
  "",
  "a",
  " b",
  "é",
  "\u{1f600}",
  "\ud83d",
  "\ude00",
  '"',
  "\\",
  "\n",
  "c".repeat(40),
];

/**
 * Writes runs as agents do that say with snapshots what they have streamed, rightly or not quite: with another
 * id, another order, one message more or less.
 */
class AgentLog {
  readonly lines: string[] = [];
  readonly #numbers: readonly number[];
  readonly #style: AgentStyle;
  #at = 0;
  #ids = 0;
  #clock = 1_790_000_000_000;
  #runId = "";
  /** What the run was posted with and has streamed. */
  #told: Message[] = [];
  /** What earlier runs have told. */
  readonly #before: Message[] = [];

  constructor(numbers: readonly number[], style: AgentStyle) {
    this.#numbers = numbers;
    this.#style = style;
  }

  write(): this {
    for (let run = 0; this.#at < this.#numbers.length; run++) this.#run(`r${run}`);
    return this;
  }

  #below(count: number): number {
    return (this.#numbers[this.#at++] ?? 0) % count;
  }

  #oneIn(count: number): boolean {
    return this.#below(count) === count - 1;
  }

  #of<T>(items: readonly T[]): T {
    return items[this.#below(items.length)]!;
  }

  #put(type: string, members: Json, isNamed = this.#oneIn(2)): void {
    const run = isNamed ? { threadId: "s1", runId: this.#runId } : {};
    const time = this.#oneIn(2) ? { timestamp: (this.#clock += 7) } : {};
    const isOdd = this.#oneIn(40) && !type.endsWith("_CHUNK");
    const odd = isOdd ? this.#of<Json>([{ metadata: { k: 1 } }, { rawEvent: 1 }]) : {};
    this.lines.push(JSON.stringify({ type, ...members, ...run, ...time, ...odd }));
  }

  /** A new id, or now and then one that was there before. */
  #id(kind: string): string {
    return `${kind}${this.#oneIn(12) ? this.#below(this.#ids + 1) : this.#ids++}`;
  }

  #text(): string {
    return this.#of(WORDS) + this.#of(WORDS);
  }

  #run(runId: string): void {
    this.#runId = runId;
    this.#told = [];
    if (this.#style.isValid) this.#begin();
    if (!this.#oneIn(4)) this.#post();
    if (!this.#style.isValid) this.#begin();
    for (let turns = this.#below(4); turns >= 0; turns--) {
      for (let count = this.#below(5); count > 0; count--) this.#say();
      if (!this.#oneIn(3)) this.#snapshot();
    }
    this.#before.push(...this.#told);
    if (!this.#style.isValid && this.#oneIn(8)) return;
    const isBroken = !this.#style.isValid && this.#oneIn(12);
    if (isBroken) this.#put("RUN_ERROR", { message: "broken" }, true);
    else this.#put("RUN_FINISHED", { threadId: "s1", runId });
  }

  /** What the run is posted with: before its start, where clients refuse it, or in it. */
  #post(): void {
    const metadata = this.#oneIn(3) ? { metadata: { sender: "x", n: 1.5 } } : {};
    this.#told.push({ id: this.#id("u"), role: "user", content: this.#text(), ...metadata });
    this.#put("MESSAGES_SNAPSHOT", { messages: this.#told }, true);
    if (this.#oneIn(8)) this.#put("CUSTOM", { name: "n", value: 1 }, true);
  }

  #begin(): void {
    const given = this.#oneIn(4)
      ? this.#of([this.#told, [...this.#before, ...this.#told], []])
      : null;
    const ids = { threadId: "s1", runId: this.#runId };
    const unique = new Map((given ?? []).map((message) => [message.id, message]));
    const input = { ...ids, messages: [...unique.values()], state: {}, tools: [], context: [] };
    this.#put("RUN_STARTED", { ...ids, ...(given && { input: { ...input, forwardedProps: {} } }) });
  }

  #say(): void {
    const kinds = [
      () => this.#message(),
      () => this.#message(),
      () => this.#call(),
      () => this.#call(),
      () => this.#call(),
      () => this.#other(),
    ];
    this.#of(kinds)();
  }

  #message(): void {
    const messageId = this.#id("m");
    const texts = Array.from({ length: this.#below(3) }, () => this.#text() || "x");
    this.#put("TEXT_MESSAGE_START", {
      messageId,
      ...(this.#oneIn(3) ? {} : { role: "assistant" }),
    });
    for (const [index, delta] of texts.entries()) {
      if (index > 0 && this.#oneIn(12)) this.#snapshot();
      this.#put("TEXT_MESSAGE_CONTENT", { messageId, delta });
    }
    this.#put("TEXT_MESSAGE_END", { messageId });
    this.#told.push({ id: messageId, role: "assistant", content: texts.join("") });
  }

  #call(): void {
    const last = this.#told.at(-1);
    const toolCallId = this.#id("t");
    const parent = this.#of([undefined, last?.id, last?.id, this.#of(this.#told)?.id, "p"]);
    const isNew = parent === "p" && this.#oneIn(2);
    const parentMessageId = isNew ? this.#id("p") : parent;
    const toolCallName = this.#of(["f", "g"]);
    this.#put("TOOL_CALL_START", { toolCallId, toolCallName, parentMessageId });
    const texts = Array.from({ length: this.#below(3) }, () => this.#text() || "{}");
    for (const delta of texts) this.#put("TOOL_CALL_ARGS", { toolCallId, delta });
    this.#put("TOOL_CALL_END", { toolCallId });
    const call: Call = {
      id: toolCallId,
      type: "function",
      function: { name: toolCallName, arguments: texts.join("") },
    };
    const owner = this.#told.find(({ id, role }) => id === parentMessageId && role === "assistant");
    if (owner) owner.toolCalls = [...(owner.toolCalls ?? []), call];
    else
      this.#told.push({ id: parentMessageId ?? toolCallId, role: "assistant", toolCalls: [call] });
    if (this.#oneIn(4)) return;
    if (this.#oneIn(6)) this.#message();
    const content = this.#text();
    const messageId = this.#id("x");
    const role = this.#oneIn(2) ? { role: "tool" } : {};
    this.#put("TOOL_CALL_RESULT", { messageId, toolCallId, content, ...role });
    this.#told.push({ id: messageId, role: "tool", toolCallId, content });
  }

  #other(): void {
    const kinds = [
      () => this.#put("STATE_SNAPSHOT", { snapshot: { n: this.#below(9) } }),
      () => this.#put("STATE_DELTA", { delta: [{ op: "add", path: "/n", value: 1 }] }),
      () => this.#put("CUSTOM", { name: "n", value: this.#below(9) }),
      () => this.#put("RAW", { event: { type: "x" } }),
      () => this.#think(),
      () => this.#act(),
      () =>
        this.#put("TEXT_MESSAGE_CHUNK", {
          messageId: this.#id("c"),
          role: "assistant",
          delta: "x",
        }),
    ];
    this.#of(kinds)();
  }

  #think(): void {
    if (this.#style.isOlder) return;
    const messageId = this.#id("g");
    this.#put("REASONING_START", { messageId });
    this.#put("REASONING_MESSAGE_START", { messageId, role: "reasoning" });
    this.#put("REASONING_MESSAGE_CONTENT", { messageId, delta: "hm" });
    this.#put("REASONING_MESSAGE_END", { messageId });
    this.#put("REASONING_END", { messageId });
    if (this.#oneIn(2)) this.#told.push({ id: messageId, role: "reasoning", content: "hm" });
  }

  #act(): void {
    if (this.#style.isOlder) return;
    const messageId = this.#id("a");
    this.#put("ACTIVITY_SNAPSHOT", { messageId, activityType: "plan", content: { n: 1 } });
  }

  /** What the run has told, or something like it. */
  #snapshot(): void {
    const told = [...new Map(this.#told.map((message) => [message.id, message])).values()];
    const at = this.#below(told.length + 1);
    const like = this.#of([0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6]);
    const one = told[at];
    if (like === 1) told.splice(at, 1);
    if (like === 2) told.splice(at, 0, { id: this.#id("n"), role: "assistant", content: "new" });
    if (like === 3 && one) told[at] = { ...one, content: `${String(one.content)}!` };
    if (like === 4 && one) told[at] = { ...one, id: this.#id("o") };
    if (like === 5) told.reverse();
    if (like === 6)
      told.unshift(...this.#before.filter(({ id }) => !told.some((of) => of.id === id)));
    this.#put("MESSAGES_SNAPSHOT", { messages: told });
  }
}

/** Logs of several runs of such agents, one event a line. */
export function agentLog(style: AgentStyle): fc.Arbitrary<readonly string[]> {
  return fc
    .array(fc.nat(2 ** 20), { minLength: 20, maxLength: 500, size: "max" })
    .map((numbers) => new AgentLog(numbers, style).write().lines);
}
