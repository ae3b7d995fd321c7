import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KNOWN_MESSAGES, PostedMessageIds } from "../../../../src/core/model/posted-message-ids.ts";
import { digestOf, digestsOf } from "../../../../src/core/runs/message-digest.ts";

interface Message {
  readonly id: string;
  readonly content: unknown;
}

const encoder = new TextEncoder();
const digest = (message: Message) =>
  digestOf(message.id, encoder.encode(JSON.stringify({ role: "user", ...message })));
const transcriptOf = (length: number, from = 0): Message[] =>
  Array.from({ length }, (_, i) => ({ id: `m${from + i}`, content: `text ${from + i}` }));

/** Posts a transcript; returns the ids of the messages that are stored. */
function post(messages: PostedMessageIds, transcript: readonly Message[]): string[] {
  const digests = transcript.map((message) => digest(message));
  const unknown = messages.unknown(digests);
  messages.remember(digests, unknown);
  return unknown.map((place) => transcript[place]?.id ?? "");
}

const ids = (transcript: readonly Message[]): string[] => transcript.map(({ id }) => id);

describe("the messages that a session knows", () => {
  it.each([10, KNOWN_MESSAGES, KNOWN_MESSAGES + 1, 10_000, 100_000])(
    "are those of a transcript of %i, which is stored once however often it comes with more",
    (length) => {
      let messages = new PostedMessageIds();
      const transcript = transcriptOf(length);
      expect(post(messages, transcript)).toEqual(ids(transcript));
      for (let run = 0; run < 5; run++) {
        messages = PostedMessageIds.decode(messages.encode());
        const more = transcriptOf(2, length + 2 * run);
        transcript.push(...more);
        expect(post(messages, transcript)).toEqual(ids(more));
      }
      expect(post(messages, transcript)).toEqual([]);
    },
  );

  it("are those of a transcript that grew from its first message on", () => {
    const messages = new PostedMessageIds();
    for (let length = 1; length < 6_000; length += 37)
      expect(post(messages, transcriptOf(length)).length).toBeLessThanOrEqual(37);
  });

  it("change with their content: also back to what they said before", () => {
    const messages = new PostedMessageIds();
    const said = (content: unknown) => post(messages, [{ id: "m", content }]);
    expect(said("a")).toEqual(["m"]);
    expect(said("a")).toEqual([]);
    expect(said("b")).toEqual(["m"]);
    expect(said("a")).toEqual(["m"]);
    expect(said(["a"])).toEqual(["m"]);
    expect(said("a")).toEqual(["m"]);
  });

  it("of a long transcript are stored again in no more than a group when one of them changes", () => {
    const messages = new PostedMessageIds();
    const transcript = transcriptOf(50_000);
    post(messages, transcript);
    const changed = transcript.with(20_000, { id: "m20000", content: "other" });
    const stored = post(messages, changed);
    expect(stored).toContain("m20000");
    expect(stored.length).toBeLessThanOrEqual(256);
    expect(post(messages, changed)).toEqual([]);
    expect(post(messages, transcript)).toContain("m20000");
  });

  it("of a client that posts the end of its transcript are stored once", () => {
    const messages = new PostedMessageIds();
    const transcript = transcriptOf(20_000);
    post(messages, transcript.slice(0, 10_000));
    let stored = 0;
    for (let end = 10_000; end < 12_000; end += 20)
      stored += post(messages, transcript.slice(end - 5_000, end)).length;
    // what is new, and now and then the group that the first message is in the middle of
    expect(stored).toBeLessThan(2_000 + 100 * 64);
  });

  it("are whatever was posted, and nothing else, as far as they are known one by one", () => {
    const transcripts = fc.array(
      fc.array(fc.record({ id: fc.constantFrom("a", "b", "c", "d"), content: fc.nat(2) })),
    );
    fc.assert(
      fc.property(transcripts, (posted) => {
        const messages = new PostedMessageIds();
        const latest = new Map<string, unknown>();
        for (const transcript of posted) {
          const expected = transcript.filter(({ id, content }) => latest.get(id) !== content);
          expect(post(messages, transcript)).toEqual(ids(expected));
          for (const { id, content } of transcript) latest.set(id, content);
          for (const { id, content } of expected) latest.set(id, content);
        }
      }),
    );
  });
});

const digestOfText = (json: string): number => digestOf("m", encoder.encode(json)).content;

describe("the digest of a message", () => {
  it.each([
    [
      "the order of members",
      '{"id":"m","content":{"a":1,"b":2}}',
      '{"content":{"b":2,"a":1},"id":"m"}',
    ],
    ["spaces", '{"id":"m","a":[1,"x"]}', ' { "id" : "m" ,\n"a":[ 1 , "x" ] } '],
    ["escapes", '{"a":"\u00e9/"}', String.raw`{"a":"\u00e9\/"}`],
    ["a sender", '{"a":1}', '{"a":1,"metadata":{"senderId":"u","senderDisplayName":"U"}}'],
    ["null", '{"a":1}', '{"a":1,"name":null}'],
  ])("does not depend on %s", (_what, one, other) => {
    expect(digestOfText(other)).toBe(digestOfText(one));
  });

  it.each([
    ['{"a":"1"}', '{"a":1}'],
    ['{"a":"null"}', '{"a":null}'],
    ['{"a":[1,2]}', '{"a":[2,1]}'],
    ['{"a":[]}', '{"a":{}}'],
    ['{"a":{"b":1}}', '{"b":{"a":1}}'],
    ['{"a":1,"b":2}', '{"a":2,"b":1}'],
    ['{"a":2512292042121000001}', '{"a":2512292042121000002}'],
    ['{"a":1}', '{"a":1,"metadata":{"hidden":true}}'],
    ['{"a":1}', '{"a":1,"senderId":"u"}'],
    ['{"a":""}', "{}"],
  ])("tells %s from %s", (one, other) => {
    expect(digestOfText(other)).not.toBe(digestOfText(one));
  });

  it("is that of the value that the text says, whatever the value", () => {
    const shuffled = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map((element) => shuffled(element));
      if (typeof value !== "object" || value === null) return value;
      const members = Object.entries(value).map(([key, inner]) => [key, shuffled(inner)] as const);
      return Object.fromEntries(members.toReversed());
    };
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const text = JSON.stringify(value);
        expect(digestOfText(JSON.stringify(shuffled(JSON.parse(text)), null, 1))).toBe(
          digestOfText(text),
        );
      }),
    );
  });

  it("of many messages is that of each, in their order", async () => {
    const posted = encoder.encode(JSON.stringify({ content: "x".repeat(600_000) }));
    const messages = ["a", "b", "c", "d"].map((id) => ({ id, posted }));
    expect(await digestsOf(messages)).toEqual(messages.map(({ id }) => digestOf(id, posted)));
  });
});

describe("the messages that a log says itself", () => {
  const whole = digest({ id: "m", content: "text" });
  const core = digest({ id: "m", content: "core" }).content;
  const unknown = (messages: PostedMessageIds, content: unknown): boolean =>
    messages.unknown([digest({ id: "m", content })]).length > 0;

  it("are known as a whole and by what every client keeps, also from a checkpoint", () => {
    const learned = new PostedMessageIds();
    learned.learn([{ whole, core }], 17);
    const messages = PostedMessageIds.decode(learned.encode());
    expect(messages.readTo).toBe(17);
    for (const content of ["text", "core", "text"]) {
      expect(unknown(messages, content)).toBe(false);
      messages.remember([digest({ id: "m", content })], []);
    }
    expect(unknown(messages, "other")).toBe(true);
  });

  it("are not known any more once a client has posted another of the id", () => {
    const messages = new PostedMessageIds();
    messages.learn([{ whole, core }], 1);
    expect(post(messages, [{ id: "m", content: "other" }])).toEqual(["m"]);
    expect(["text", "core"].map((content) => unknown(messages, content))).toEqual([true, true]);
    messages.learn([{ whole, core }], 2);
    expect(["other", "text"].map((content) => unknown(messages, content))).toEqual([false, true]);
  });

  it("are read from the start of the log after a checkpoint of an earlier version", () => {
    const { readTo: _, ...earlier } = new PostedMessageIds().encode();
    expect(PostedMessageIds.decode(earlier).readTo).toBe(0);
  });

  it("fit into a checkpoint, however many they are", () => {
    const messages = new PostedMessageIds();
    const all = transcriptOf(5_000).map((message) => ({ whole: digest(message), core }));
    messages.learn(all, 1);
    expect(messages.encode().messages.length).toBeLessThan(28 * 1024);
    expect(messages.unknown(all.slice(-1_000).map((message) => message.whole))).toEqual([]);
  });

  it("are unfinished while they are streamed: what is posted of them is not remembered", () => {
    const messages = new PostedMessageIds();
    messages.remember([digest({ id: "m", content: "te" })], [], new Set([0]));
    messages.learn([{ whole, core: null }], 1);
    expect(unknown(messages, "text")).toBe(false);
  });

  it.each([
    ["no text", '{"role":"assistant"}', '{"role":"assistant","content":""}'],
    ["no calls", '{"role":"assistant"}', '{"toolCalls":[ ],"role":"assistant"}'],
  ])("have %s, whether that is said or not", (_, first, second) => {
    const [one, other] = [first, second].map((json) => digestOf("m", encoder.encode(json)));
    expect(one).toEqual(other);
  });
});
