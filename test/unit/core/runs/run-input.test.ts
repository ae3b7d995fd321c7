import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { messagesSnapshot } from "../../../../src/core/model/server-events.ts";
import { readRunInput } from "../../../../src/core/runs/run-input.ts";
import type { Caller as AnyCaller } from "../../../../src/ports/authorizer.ts";
import { concat, textOf, utf8 } from "../../../contract/bytes.ts";
import { jsonText } from "../../stream/json-text.ts";

/** JSON as a client wrote it, in pieces, so that a test can say where something is added. */
type Value = string | ObjectText | ListText;

interface ObjectText {
  readonly kind: "object";
  readonly members: readonly Member[];
  /** White space in an object without members. */
  readonly gap: string;
  /** What stands after the opening brace. */
  readonly added: string;
}

interface ListText {
  readonly kind: "list";
  readonly items: readonly { readonly pads: Pads; readonly object: ObjectText }[];
}

interface Member {
  /** The name as a reader of JSON sees it. */
  readonly name: string;
  /** The name as it is spelled, with its quotes. */
  readonly key: string;
  readonly value: Value;
  readonly pads: Pads;
}

type Pads = readonly [string, string, string, string];
type Json = Record<string, unknown>;

function render(value: Value): string {
  if (typeof value === "string") return value;
  if (value.kind === "list") {
    const items = value.items.map(({ pads, object }) => pads[0] + render(object) + pads[1]);
    return `[${items.join(",")}]`;
  }
  const members = value.members.map(
    ({ key, pads: [a, b, c, d], value: inner }) => `${a}${key}${b}:${c}${render(inner)}${d}`,
  );
  const comma = value.added !== "" && members.length > 0 ? "," : "";
  return `{${value.added}${comma}${members.join(",") || value.gap}}`;
}

/** `object` with values set: in place where there is such a member, else at the beginning. */
function set(object: ObjectText, values: Readonly<Record<string, Value>>): ObjectText {
  const present = new Set(object.members.map(({ name }) => name));
  const added = Object.entries(values)
    .filter(([name]) => !present.has(name))
    .map(([name, value]) => `"${name}":${render(value)}`);
  const members = object.members.map((one) => ({
    ...one,
    value: (Object.hasOwn(values, one.name) && values[one.name]) || one.value,
  }));
  return { ...object, members, added: added.join(",") };
}

function valueOf(object: ObjectText, name: string): Value | undefined {
  return object.members.find((one) => one.name === name)?.value;
}

/** A member as a reader of JSON sees it. */
function parsedMember(object: ObjectText, name: string): unknown {
  const value = valueOf(object, name);
  return value === undefined ? undefined : JSON.parse(render(value));
}

const RESERVED: ReadonlySet<string> = new Set(
  "threadId runId parentRunId messages state forwardedProps tools"
    .concat(" id role metadata hidden senderId senderDisplayName name description")
    .split(" "),
);
const UNITS = Array.from('aZ0 é😀\n\r"\\/{}\u2028\ud800');

const space = fc
  .array(fc.constantFrom(" ", "\n", "\r", "\t"), { maxLength: 2 })
  .map((parts) => parts.join(""));
const pads: fc.Arbitrary<Pads> = fc.tuple(space, space, space, space);
const text = fc.string({ unit: fc.constantFrom(...UNITS), maxLength: 6 });

/** `content` as a JSON string in which some characters are escaped that need not be. */
function spell(content: string, mask: number): string {
  const characters = Array.from(content, (character, i) =>
    ((mask >> (i % 31)) & 1) === 1
      ? escapeUnits(character)
      : JSON.stringify(character).slice(1, -1),
  );
  return `"${characters.join("")}"`;
}

function escapeUnits(character: string): string {
  const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

function quoted(content: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(content, fc.nat()).map(([plain, mask]) => spell(plain, mask));
}

/**
 * Node 24.21 may give a key with an escape in it another name, if it is short or has a quote or a
 * backslash (measured: `JSON.parse` of `{"x":1,"\\"":1}`). Such keys would test Node, not this.
 */
function withoutOddKey(name: string): string {
  return name.replace(/["\\\p{Cc}]/gu, "k");
}

function member(
  names: string | fc.Arbitrary<string>,
  value: fc.Arbitrary<Value>,
): fc.Arbitrary<Member> {
  const name = typeof names === "string" ? fc.constant(names) : names.map(withoutOddKey);
  return fc.tuple(name, fc.nat(), value, pads).map(([plain, mask, inner, around]) => ({
    name: plain,
    key: typeof names === "string" && plain.length > 3 ? spell(plain, mask) : JSON.stringify(plain),
    value: inner,
    pads: around,
  }));
}

const unknownMembers = fc.uniqueArray(
  member(
    fc
      .oneof(text, fc.constantFrom("x", "content", "__proto__", "constructor", "ID", "user_id"))
      .filter((name) => !RESERVED.has(name)),
    jsonText.value,
  ),
  { maxLength: 3, selector: ({ name }) => name },
);

/** An object with some of `known` and others, in any order. */
function objectOf(...known: fc.Arbitrary<Member | null>[]): fc.Arbitrary<ObjectText> {
  const all = fc.tuple(fc.tuple(...known), unknownMembers);
  return fc
    .tuple(all, fc.array(fc.nat(), { minLength: 16, maxLength: 16 }), space)
    .map(([[some, others], order, gap]) => ({
      kind: "object",
      members: [...some, ...others]
        .filter((one) => one !== null)
        .map((one, i) => ({ one, rank: order[i] ?? 0 }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ one }) => one),
      gap,
      added: "",
    }));
}

function listOf(object: fc.Arbitrary<ObjectText>): fc.Arbitrary<ListText> {
  const item = fc.record({ pads, object });
  return fc.array(item, { maxLength: 4 }).map((items) => ({ kind: "list", items }));
}

function maybe(name: string, value: fc.Arbitrary<Value>): fc.Arbitrary<Member | null> {
  return fc.option(member(name, fc.oneof({ weight: 5, arbitrary: value }, fc.constant("null"))));
}

const anyText = quoted(fc.oneof(fc.constant(""), text));
type Caller = Pick<AnyCaller, "userId" | "userName">;

const CALLERS: readonly Caller[] = [
  { userId: "ada", userName: null },
  { userId: "ada", userName: 'Ada "the first"\r\n\u2028\ud800' },
  { userId: "ada", userName: "eve" },
];
const NOBODY: readonly Caller[] = [
  { userId: null, userName: null },
  { userId: null, userName: "Ada" },
];

const sender = quoted(fc.constantFrom("ada", "eve", ""));
const metadata = objectOf(
  maybe("hidden", fc.constantFrom("true", "false", '"true"', "1")),
  maybe("senderId", fc.oneof(sender, fc.constantFrom("7", "{}", "[]"))),
  maybe("senderDisplayName", sender),
);
const role = fc.oneof(
  { weight: 3, arbitrary: quoted(fc.constant("user")) },
  fc.constantFrom('"assistant"', '"User"', '"users"', '""', "7", '["user"]', '{"user":"user"}'),
);
const message = objectOf(maybe("id", anyText), maybe("role", role), maybe("metadata", metadata));
const tool = objectOf(member("name", anyText), maybe("description", anyText));
const input = objectOf(
  member("messages", listOf(message)),
  maybe("threadId", anyText),
  maybe("runId", anyText),
  maybe("parentRunId", anyText),
  maybe("state", jsonText.object),
  maybe("forwardedProps", jsonText.object),
  maybe("tools", listOf(tool)),
);

function messagesOf(top: ObjectText): readonly ObjectText[] {
  const list = valueOf(top, "messages");
  if (typeof list !== "object" || list.kind !== "list") throw new Error("messages are a list");
  return list.items.map(({ object }) => object);
}

/** The input as it goes to the runner, given the ids that were made. */
function completed(top: ObjectText, ids: Ids, caller: Caller): ObjectText {
  const list = valueOf(top, "messages");
  if (typeof list !== "object" || list.kind !== "list") throw new Error("messages are a list");
  const items = list.items.map(({ object, pads: around }, i) => ({
    pads: around,
    object: completedMessage(object, ids.messages[i] ?? "", caller),
  }));
  return set(top, {
    ...unlessThere(top, "threadId", ids.threadId),
    ...unlessThere(top, "runId", ids.runId),
    messages: { kind: "list", items },
  });
}

function completedMessage(object: ObjectText, id: string, caller: Caller): ObjectText {
  const values: Record<string, Value> = unlessThere(object, "id", id);
  if (caller.userId !== null && parsedMember(object, "role") === "user") {
    const wanted = senderOf(caller);
    const inner = valueOf(object, "metadata");
    values["metadata"] =
      typeof inner === "object" && inner.kind === "object"
        ? set(inner, Object.fromEntries(Object.entries(wanted).flatMap(changeIn(inner))))
        : JSON.stringify(wanted);
  }
  return set(object, values);
}

function changeIn(object: ObjectText) {
  return ([name, value]: [string, string]): [string, string][] =>
    parsedMember(object, name) === value ? [] : [[name, JSON.stringify(value)]];
}

function unlessThere(object: ObjectText, name: string, value: string): Record<string, string> {
  return parsedMember(object, name) ? {} : { [name]: JSON.stringify(value) };
}

function senderOf({ userId, userName }: Caller): Record<string, string> {
  return {
    ...(userId !== null && { senderId: userId }),
    ...(userId !== null && userName !== null && { senderDisplayName: userName }),
  };
}

interface Ids {
  readonly threadId: string;
  readonly runId: string;
  readonly messages: readonly string[];
}

/** Reads `top` with ids that nobody else makes. */
async function read(top: ObjectText, caller: Caller) {
  const made: string[] = [];
  const body = utf8(render(top));
  // within a larger buffer, as bodies come from a socket
  const buffer = new Uint8Array(body.length + 9).fill(0x7b);
  buffer.set(body, 5);
  const result = await readRunInput(buffer.subarray(5, 5 + body.length), {
    defaultThreadId: "session-1",
    caller,
    newId: () => `made-${made.push("") - 1}`,
  });
  const sent = textOf(concat(result.body));
  const parsed = JSON.parse(sent) as { messages: { id: string }[] };
  const ids: Ids = {
    threadId: result.threadId,
    runId: result.runId,
    messages: parsed.messages.map(({ id }) => id),
  };
  return { ...result, sent, parsed, ids };
}

const anyCaller = fc.constantFrom(...CALLERS, ...NOBODY);
const RUNS = { numRuns: 500 };

describe("the input of a run (PROTOCOL 5.3)", () => {
  it("means what was posted, plus exactly the ids and senders that were missing", async () => {
    await fc.assert(
      fc.asyncProperty(input, anyCaller, async (top, caller) => {
        const posted = JSON.parse(render(top)) as Json & { messages: Json[] };
        const { parsed, ids } = await read(top, caller);
        expect(ids.threadId).toBe(posted["threadId"] || "session-1");
        expect(parsed).toEqual({
          ...posted,
          threadId: ids.threadId,
          runId: posted["runId"] || expect.stringMatching(/^made-\d+$/),
          messages: posted.messages.map((one) => ({
            ...one,
            id: one["id"] || expect.stringMatching(/^made-\d+$/),
            ...(caller.userId !== null &&
              one["role"] === "user" && {
                metadata: { ...(one["metadata"] as Json | null), ...senderOf(caller) },
              }),
          })),
        });
      }),
      RUNS,
    );
  });

  it("keeps every other byte: without what was spliced in, the body is the one that was posted", async () => {
    await fc.assert(
      fc.asyncProperty(input, anyCaller, async (top, caller) => {
        const { sent, ids } = await read(top, caller);
        expect(sent).toBe(render(completed(top, ids, caller)));
      }),
      RUNS,
    );
  });

  it("is sent as it came when nothing is missing, without a copy", async () => {
    await fc.assert(
      fc.asyncProperty(input, fc.constantFrom(...NOBODY), async (top, caller) => {
        const whole = completed(top, (await read(top, caller)).ids, caller);
        const body = utf8(render(whole));
        const again = await readRunInput(body, {
          defaultThreadId: "session-1",
          caller,
          newId: () => "never",
        });
        expect(again.body).toHaveLength(1);
        expect(again.body[0]?.buffer).toBe(body.buffer);
        expect(textOf(concat(again.body))).toBe(render(whole));
      }),
      RUNS,
    );
  });

  it("makes an id at most once", async () => {
    await fc.assert(
      fc.asyncProperty(input, anyCaller, async (top, caller) => {
        const { ids } = await read(top, caller);
        const all = [ids.runId, ...ids.messages].filter((id) => id.startsWith("made-"));
        expect(new Set(all).size).toBe(all.length);
        const missing = messagesOf(top).filter((one) => !parsedMember(one, "id")).length;
        expect(all).toHaveLength(missing + (parsedMember(top, "runId") ? 0 : 1));
      }),
      RUNS,
    );
  });

  it("leaves all metadata alone when the caller is not known", async () => {
    await fc.assert(
      fc.asyncProperty(input, fc.constantFrom(...NOBODY), async (top, caller) => {
        const { parsed } = await read(top, caller);
        const found = (parsed.messages as unknown as Json[]).map((one) => one["metadata"]);
        expect(found).toEqual(messagesOf(top).map((one) => parsedMember(one, "metadata")));
      }),
      RUNS,
    );
  });

  it('names the caller as sender of messages whose role is "user", and of no others', async () => {
    await fc.assert(
      fc.asyncProperty(input, fc.constantFrom(...CALLERS), async (top, caller) => {
        const { parsed } = await read(top, caller);
        for (const [i, one] of messagesOf(top).entries()) {
          const found = (parsed.messages[i] as unknown as Json)["metadata"];
          if (parsedMember(one, "role") === "user") expect(found).toMatchObject(senderOf(caller));
          else expect(found).toEqual(parsedMember(one, "metadata"));
        }
      }),
      RUNS,
    );
  });

  it.each([
    ["ada", '"senderId":["ada"]'],
    ["ada", '"senderId":[["ada"]]'],
    ["7", '"senderId":7'],
    ["ada", '"senderDisplayName":null'],
  ])("makes a sender of %s a text where it was none: %s", async (userId, given) => {
    const caller = { userId, userName: "" };
    const body = utf8(`{"messages":[{"role":"user","metadata":{${given}}}]}`);
    const result = await readRunInput(body, { defaultThreadId: "s", caller, newId: () => "id" });
    expect(JSON.parse(textOf(concat(result.body)))).toMatchObject({
      messages: [{ metadata: { senderId: userId, senderDisplayName: "" } }],
    });
  });

  it("names the messages that are hidden: those whose metadata says so with true", async () => {
    await fc.assert(
      fc.asyncProperty(input, anyCaller, async (top, caller) => {
        const { messages, ids } = await read(top, caller);
        const hidden = messages.filter((one) => one.hidden).map(({ id }) => id);
        const expected = messagesOf(top).flatMap((one, i) => {
          const own = parsedMember(one, "metadata") as Json | null | undefined;
          return own?.["hidden"] === true ? [ids.messages[i]] : [];
        });
        expect(hidden).toEqual(expected);
      }),
      RUNS,
    );
  });
});

describe("the snapshot of a run's messages (PROTOCOL 5.4)", () => {
  const context = { threadId: "t", runId: "r", timestamp: 1 };

  it("is one line with the messages as the runner gets them", async () => {
    await fc.assert(
      fc.asyncProperty(input, anyCaller, async (top, caller) => {
        const { messages, parsed } = await read(top, caller);
        const line = textOf(
          concat(
            messagesSnapshot(
              context,
              messages.map(({ json }) => json),
            ),
          ),
        );
        expect(line.slice(0, -1)).not.toMatch(/[\r\n]/);
        expect(line.endsWith("\n")).toBe(true);
        expect(JSON.parse(line)).toEqual({
          type: "MESSAGES_SNAPSHOT",
          ...context,
          messages: parsed.messages,
        });
      }),
      RUNS,
    );
  });

  it("keeps the messages' bytes; only line breaks between their tokens become spaces", async () => {
    await fc.assert(
      fc.asyncProperty(input, anyCaller, async (top, caller) => {
        const { messages, ids } = await read(top, caller);
        const expected = messagesOf(top).map((one, i) =>
          render(completedMessage(one, ids.messages[i] ?? "", caller)).replace(/[\r\n]/g, " "),
        );
        expect(messages.map(({ json }) => textOf(concat(json)))).toEqual(expected);
      }),
      RUNS,
    );
  });
});

describe("a name that is given twice", () => {
  const options = { defaultThreadId: "s", caller: { userId: null, userName: null } };

  it("is refused in the top level, a message, its metadata and a tool, however it is spelled", async () => {
    const twice = fc
      .tuple(text, fc.nat(), fc.nat(), jsonText.value)
      .map(([name, first, second, value]) => ({
        name,
        members: `${spell(name, first)}:${value},${spell(name, second)}:null`,
      }));
    await fc.assert(
      fc.asyncProperty(twice, async ({ name, members }) => {
        for (const [body, place] of [
          [`{"messages":[],${members}}`, ""],
          [`{"messages":[{},{${members}}]}`, "messages[1]."],
          [`{"messages":[{"metadata":{${members}}}]}`, "messages[0].metadata."],
          [`{"messages":[],"tools":[{"name":"n",${members}}]}`, "tools[0]."],
        ] as const)
          await expect(
            readRunInput(utf8(body), { ...options, newId: () => "id" }),
          ).rejects.toMatchObject({
            code: "invalid-input",
            message: `invalid input: ${place}${name} is given twice`,
          });
      }),
    );
  });

  it("is kept as it is anywhere deeper", async () => {
    const body = '{"messages":[{"id":"m","content":{"a":1,"a":2}}],"runId":"r","threadId":"t"}';
    const { body: sent } = await readRunInput(utf8(body), { ...options, newId: () => "id" });
    expect(textOf(concat(sent))).toBe(body);
  });
});

describe("a body that has more of something than a run needs", () => {
  const NOBODY_KNOWN = { userId: null, userName: null };
  const options = { defaultThreadId: "s", caller: NOBODY_KNOWN, newId: () => "id" };
  const list = (count: number, item: string): string => `[${Array(count).fill(item).join(",")}]`;
  const object = (count: number): string =>
    `{"name":"n",${Array.from({ length: count - 1 }, (_, i) => `"k${i}":1`).join(",")}}`;

  it.each([
    ["messages", `{"messages":${list(65_537, "{}")}}`, "messages has more than 65536 items"],
    [
      "tools",
      `{"messages":[],"tools":${list(65_537, '{"name":""}')}}`,
      "tools has more than 65536",
    ],
    ["members", `{"messages":[],${object(4_097).slice(1)}`, "the body has more than 4096 members"],
    ["members of a message", `{"messages":[${object(4_097)}]}`, "messages[0] has more than 4096"],
  ])("is refused: %s", async (_, body, reason) => {
    const error: unknown = await readRunInput(utf8(body), options).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "invalid-input" });
    expect(String(error)).toContain(reason);
  });

  it("is understood up to the bounds", async () => {
    const tools = list(65_536, '{"name":""}');
    const body = `{"messages":${list(65_535, "{}").slice(0, -1)},${object(4_096)}],"tools":${tools}}`;
    expect((await readRunInput(utf8(body), options)).messages).toHaveLength(65_536);
  });
});
