import * as fc from "fast-check";

/** Which events a log may hold. */
export interface LogStyle {
  /** Only what every published client accepts as it is. */
  readonly isValid: boolean;
  /** Items follow each other, no snapshot falls into one, state is simple: `compactEvents` is exact. */
  readonly isPlain?: boolean;
}

const IDS = ["a", "b", "c"];
const WORDS = ["x", " word", "ü", "😀", "\u2028", '"', "\\", "\n", "é€", "0123456789".repeat(3)];
/** Texts of a delta as they stand between quotes: halves of a pair among them. */
const RAW_TEXTS = [
  ...WORDS.map((word) => JSON.stringify(word).slice(1, -1)),
  "\\ud83d",
  "\\ude00",
  "\\u0041\\/",
  "\\\\",
];

/** Draws decisions from a list of numbers, so that a shorter list is a simpler log. */
class Choices {
  readonly #numbers: readonly number[];
  #at = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  get isDone(): boolean {
    return this.#at >= this.#numbers.length;
  }

  below(count: number): number {
    return (this.#numbers[this.#at++] ?? 0) % count;
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  oneIn(count: number): boolean {
    return this.below(count) === count - 1;
  }
}

/** Writes a log, run by run, keeping to the rules of its style. */
class LogWriter {
  readonly lines: string[] = [];
  readonly #choices: Choices;
  readonly #style: LogStyle;
  /** Most events of a log have a time, or most have none. */
  readonly #isDated: boolean;
  #run = 0;
  #clock = 1_790_000_000_000;
  readonly #texts = new Set<string>();
  readonly #tools = new Set<string>();
  readonly #steps = new Set<string>();
  #reasoning: { phase: string; message: string | null } | null = null;
  /** Whether a chunk is open: an item that has no end of its own. */
  #chunk: string | null = null;

  constructor(choices: Choices, style: LogStyle) {
    this.#choices = choices;
    this.#style = style;
    this.#isDated = choices.oneIn(2);
  }

  write(): void {
    while (!this.#choices.isDone) this.#writeRun();
  }

  #put(type: string, members: string): void {
    const extra: string[] = [];
    if (this.#isDated !== this.#choices.oneIn(20)) extra.push(`"timestamp":${(this.#clock += 7)}`);
    if (this.#choices.oneIn(25)) extra.push(`"rawEvent":{"n":${this.#choices.below(9)}}`);
    if (this.#choices.oneIn(8)) extra.push(`"metadata":${this.#metadata()}`);
    if (this.#choices.oneIn(25)) extra.push(`"thread_id":"t${this.#choices.below(2)}"`);
    const before = this.#isDated;
    const parts = [`"type":"${type}"`, members, ...extra].filter((part) => part !== "");
    if (before && parts.length > 2) parts.splice(1, 0, parts.pop()!);
    this.lines.push(`{${parts.join(this.#choices.oneIn(30) ? " , " : ",")}}`);
    if (!type.endsWith("_CHUNK")) this.#chunk = null;
  }

  #metadata(): string {
    const keys = ["k", "l", "ag-ui", "m\\n"];
    const parts = Array.from({ length: this.#choices.below(3) }, () => {
      const value = this.#choices.of(["1", '"v"', "[{}]", `${this.#choices.below(5)}`]);
      return `"${this.#choices.of(keys)}":${value}`;
    });
    const seen = new Set(parts.map((part) => part.slice(0, part.indexOf(":"))));
    return seen.size === parts.length ? `{${parts.join()}}` : `{${parts[0]}}`;
  }

  #writeRun(): void {
    const runId = `run${this.#run++}`;
    this.#put("RUN_STARTED", `"threadId":"t","runId":"${runId}"`);
    for (let step = 0; !this.#choices.isDone && !this.#choices.oneIn(40); step++) this.#writeOne();
    if (this.#choices.isDone && this.#isDated && this.#style.isPlain !== true) {
      this.#put("RUN_ERROR", `"message":"broken","code":"x"`);
      return;
    }
    this.#closeAll();
    this.#put("RUN_FINISHED", `"threadId":"t","runId":"${runId}"`);
  }

  #writeOne(): void {
    const kinds = [
      () => this.#burst(),
      () => this.#burst(),
      () => this.#text(),
      () => this.#tool(),
      () => this.#think(),
      () => this.#state(),
      () => this.#state(),
      () => this.#chunks(),
      () => this.#other(),
    ];
    this.#choices.of(kinds)();
  }

  get #isBusy(): boolean {
    return this.#style.isPlain === true && this.#texts.size + this.#tools.size > 0;
  }

  /** Some deltas in a row, of one item or of several in turn. */
  #burst(): void {
    const open: [string, string][] = [];
    for (const id of this.#texts) open.push(["TEXT_MESSAGE_CONTENT", `"messageId":"${id}"`]);
    for (const id of this.#tools) open.push(["TOOL_CALL_ARGS", `"toolCallId":"${id}"`]);
    const message = this.#reasoning?.message;
    if (message) open.push(["REASONING_MESSAGE_CONTENT", `"messageId":"${message}"`]);
    if (open.length === 0) return this.#text();
    for (let count = this.#choices.below(8); count > 0; count--) {
      const [type, id] = this.#choices.of(open);
      this.#put(type, `${id},${this.#delta()}`);
    }
  }

  #delta(): string {
    return `"delta":"${this.#choices.of(RAW_TEXTS)}"`;
  }

  #text(): void {
    const id = this.#choices.of(IDS);
    if (!this.#texts.has(id)) {
      if (!this.#style.isValid && this.#choices.oneIn(4))
        return this.#put("TEXT_MESSAGE_CONTENT", `"messageId":"${id}",${this.#delta()}`);
      if (this.#isBusy) return;
      this.#texts.add(id);
      this.#put("TEXT_MESSAGE_START", `"messageId":"${id}","role":"assistant"`);
    } else if (this.#choices.oneIn(6)) {
      this.#texts.delete(id);
      this.#put("TEXT_MESSAGE_END", `"messageId":"${id}"`);
    } else this.#put("TEXT_MESSAGE_CONTENT", `"messageId":"${id}",${this.#delta()}`);
  }

  #tool(): void {
    const id = `t${this.#choices.of(IDS)}`;
    if (!this.#tools.has(id)) {
      if (this.#isBusy) return;
      this.#tools.add(id);
      const parent = this.#choices.oneIn(2) ? `,"parentMessageId":"${this.#choices.of(IDS)}"` : "";
      this.#put("TOOL_CALL_START", `"toolCallId":"${id}","toolCallName":"Bash"${parent}`);
    } else if (this.#choices.oneIn(6)) {
      this.#tools.delete(id);
      this.#put("TOOL_CALL_END", `"toolCallId":"${id}"`);
    } else this.#put("TOOL_CALL_ARGS", `"toolCallId":"${id}",${this.#delta()}`);
  }

  #think(): void {
    const open = this.#reasoning;
    if (!open) {
      const phase = `p${this.#choices.of(IDS)}`;
      this.#reasoning = { phase, message: null };
      return this.#put("REASONING_START", `"messageId":"${phase}"`);
    }
    if (open.message === null) {
      if (this.#choices.oneIn(3)) {
        this.#reasoning = null;
        return this.#put("REASONING_END", `"messageId":"${open.phase}"`);
      }
      // ids of texts as well: then the two do not commute
      const message = !this.#style.isPlain && this.#choices.oneIn(4) ? this.#choices.of(IDS) : "r";
      this.#reasoning = { ...open, message };
      return this.#put("REASONING_MESSAGE_START", `"messageId":"${message}","role":"reasoning"`);
    }
    if (this.#choices.oneIn(5)) {
      this.#reasoning = { ...open, message: null };
      return this.#put("REASONING_MESSAGE_END", `"messageId":"${open.message}"`);
    }
    this.#put("REASONING_MESSAGE_CONTENT", `"messageId":"${open.message}",${this.#delta()}`);
  }

  #state(): void {
    const { below, of, oneIn } = bound(this.#choices);
    if (this.#style.isPlain) {
      const change = `[{"op":"replace","path":"/n","value":${below(9)}}]`;
      if (oneIn(2)) this.#put("STATE_DELTA", `"delta":${change}`);
      else this.#put("STATE_SNAPSHOT", `"snapshot":{"n":${below(9)},"list":[]}`);
      return;
    }
    if (oneIn(3)) {
      const states = [
        '{"n":0,"list":[1,2],"o":{"x":"y"}}',
        '{"n":1.50,"10":1,"2":2}',
        "null",
        '{"big":12345678901234567890}',
        '{"zero":-0,"e":1e300,"__proto__":{"a":1}}',
        "{}",
        '"text"',
      ];
      return this.#put("STATE_SNAPSHOT", `"snapshot":${of(states)}`);
    }
    const paths = [
      "/n",
      "/list/0",
      "/list/-",
      "/o/x",
      "/o",
      "/new",
      "/list/1",
      "/o/x/y",
      "",
      "/~1~0",
    ];
    const operations = Array.from({ length: 1 + below(3) }, () => {
      const path = of(paths);
      const value = of(["1", '"s"', '{"deep":[{}]}', "[]", "null", "-0"]);
      const from = of(["/n", "/list/0", "/o", "/new", "/o/x"]);
      return of([
        `{"op":"add","path":"${path}","value":${value}}`,
        `{"op":"replace","path":"${path}","value":${value}}`,
        `{"op":"replace","path":"/n","value":${value}}`,
        `{"op":"remove","path":"${path === "" ? "/n" : path}"}`,
        `{"op":"copy","from":"${from}","path":"${path}"}`,
        `{"op":"move","from":"${from}","path":"${path}"}`,
        `{"op":"test","path":"/n","value":${value}}`,
        `{"op":"add","path":"/__proto__/bad","value":1}`,
        `{"op":"add","path":"/list/01","value":1}`,
      ]);
    });
    this.#put("STATE_DELTA", `"delta":[${operations.join()}]`);
  }

  #chunks(): void {
    if (this.#isBusy) return;
    const { of, oneIn } = bound(this.#choices);
    // after anything else a chunk has to say whose it is
    const id = this.#chunk === null || oneIn(4) ? `ch${of(IDS)}` : this.#chunk;
    const isNew = id !== this.#chunk;
    const named = isNew || oneIn(2);
    this.#chunk = id;
    if (id.endsWith("b"))
      this.#put(
        "TOOL_CALL_CHUNK",
        [
          isNew ? `"toolCallId":"${id}","toolCallName":"T"` : named && `"toolCallId":"${id}"`,
          this.#delta(),
        ]
          .filter(Boolean)
          .join(),
      );
    else
      this.#put(
        "TEXT_MESSAGE_CHUNK",
        [named && `"messageId":"${id}"`, isNew && `"role":"assistant"`, this.#delta()]
          .filter(Boolean)
          .join(),
      );
  }

  #other(): void {
    const { below, of, oneIn } = bound(this.#choices);
    const message = (id: string): string => {
      const content = of(["", "said", "ü"]);
      return `{"id":"${id}","role":"${of(["user", "assistant"])}","content":"${content}"}`;
    };
    const kinds = [
      () => this.#put("CUSTOM", `"name":"n","value":${below(9)}`),
      () => this.#put("RAW", `"event":{"type":"RUN_FINISHED","delta":"x"}`),
      () =>
        this.#put(
          "TOOL_CALL_RESULT",
          `"messageId":"res${below(9)}","toolCallId":"t${of(IDS)}","content":"done"`,
        ),
      () =>
        this.#put(
          "ACTIVITY_SNAPSHOT",
          `"messageId":"act","activityType":"PLAN","content":{"n":${below(5)}}`,
        ),
      () =>
        this.#put(
          "ACTIVITY_DELTA",
          `"messageId":"act","activityType":"PLAN","patch":[{"op":"replace","path":"/n","value":${below(9)}}]`,
        ),
      () => {
        if (this.#isBusy) return;
        const ids = IDS.filter(() => oneIn(2));
        this.#put("MESSAGES_SNAPSHOT", `"messages":[${[...ids, "u"].map(message).join()}]`);
      },
      () => {
        const name = `s${below(2)}`;
        const isOpen = this.#steps.has(name);
        if (isOpen) this.#steps.delete(name);
        else this.#steps.add(name);
        this.#put(isOpen ? "STEP_FINISHED" : "STEP_STARTED", `"stepName":"${name}"`);
      },
      () => {
        if (this.#style.isValid) return;
        this.#put("META", `"metaType":"thumbs_up","payload":{}`);
        this.#put(
          of(["TEXT_MESSAGE_CONTENT", "SOMETHING_NEW"]),
          `"messageId":"a","messageId":"b",${this.#delta()}`,
        );
        this.lines.push(
          of([
            '{"type":"TEXT_MESSAGE_CONTENT","messageId":"a","delta":"to',
            "[1]",
            '{"type":"TEXT_MESSAGE_CONTENT","messageId":"a","delta":"\\x"}',
            "",
          ]),
        );
      },
    ];
    of(kinds)();
  }

  #closeAll(): void {
    for (const id of this.#texts) this.#put("TEXT_MESSAGE_END", `"messageId":"${id}"`);
    for (const id of this.#tools) this.#put("TOOL_CALL_END", `"toolCallId":"${id}"`);
    for (const name of this.#steps) this.#put("STEP_FINISHED", `"stepName":"${name}"`);
    const { message, phase } = this.#reasoning ?? {};
    if (message) this.#put("REASONING_MESSAGE_END", `"messageId":"${message}"`);
    if (phase !== undefined) this.#put("REASONING_END", `"messageId":"${phase}"`);
    this.#texts.clear();
    this.#tools.clear();
    this.#steps.clear();
    this.#reasoning = null;
  }
}

function bound(choices: Choices) {
  return {
    below: (count: number) => choices.below(count),
    of: <T>(items: readonly T[]): T => choices.of(items),
    oneIn: (count: number) => choices.oneIn(count),
  };
}

/** Logs of one or several runs, one event a line. */
export function randomLog(style: LogStyle): fc.Arbitrary<readonly string[]> {
  return fc
    .array(fc.nat(2 ** 20), { minLength: 20, maxLength: 600, size: "max" })
    .map((numbers) => {
      const writer = new LogWriter(new Choices(numbers), style);
      writer.write();
      return writer.lines;
    });
}
