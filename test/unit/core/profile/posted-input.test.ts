import { describe, expect, it } from "vitest";
import { knownMessages, readPostedInput } from "../../../../src/core/profile/posted-input.ts";
import { utf8 } from "../../../contract/bytes.ts";

const NOTHING = {
  protocolVersion: null,
  threadId: null,
  runId: null,
  messageCount: 0,
  messages: null,
};

function read(text: string): ReturnType<typeof readPostedInput> {
  return readPostedInput(utf8(text));
}

async function known(messages: string): ReturnType<typeof knownMessages> {
  const bytes = utf8(`{"messages":${messages}}`);
  const posted = await readPostedInput(bytes);
  if (!posted) throw new Error("no object");
  return knownMessages(bytes, posted, "1.0");
}

function message(id: number, content: string): string {
  return `{"id":"m${id}","role":"user","content":${content}}`;
}

const parts = (count: number): string => `[${"0,".repeat(count - 1)}0]`;

describe("readPostedInput", () => {
  it.each(["", "[]", "null", "7", '"text"', "{", "{} {}", '{"messages":[}', "{'a':1}"])(
    "says of %s that it is no object",
    async (text) => {
      expect(await read(text)).toBeNull();
    },
  );

  it.each([
    "{}",
    ' {"messages":[]} ',
    '{"messages":{"a":[1]},"runId":7,"protocolVersion":null}',
    '{"messages":null,"runId":"","run_id":""}',
    '{"state":{"messages":[{}],"runId":"r","protocolVersion":"1.0"}}',
    '{"messages":[{}],"messages":[ ]}',
  ])("finds nothing in %s", async (text) => {
    expect(await read(text)).toEqual(NOTHING);
  });

  it("takes either spelling of a name, escapes included", async () => {
    expect(await read('{"protocolVersion":"1.0","runId":"a"}')).toMatchObject({
      protocolVersion: "1.0",
      runId: "a",
    });
    expect(await read('{"protocol_version":"1.1","runId":"","run_\\u0069d":"b"}')).toMatchObject({
      protocolVersion: "1.1",
      runId: "b",
    });
  });

  it("counts the messages wherever they are among large values", async () => {
    const large = `{"a":[${'{"b":["]}",1]},'.repeat(150_000)}{}]}`;
    const text = `{"state":${large},"messages":[{"content":${large}},{}],"forwardedProps":${large}}`;
    expect(await read(text)).toMatchObject({ messageCount: 2 });
  });

  it("refuses more messages than a run may have", async () => {
    await expect(read(`{"messages":${parts(65_537)}}`)).rejects.toThrow(
      "invalid input: messages has more than 65536 items",
    );
  });
});

describe("knownMessages", () => {
  it("are those that can be repaired, in their order", async () => {
    expect(await known(`[${message(1, '"a"')}, 7, {"id":"m2"}, ${message(3, '"c"')}]`)).toEqual([
      { id: "m1", role: "user", content: "a" },
      { id: "m3", role: "user", content: "c" },
    ]);
  });

  it("are none where there are none", async () => {
    expect(await known("[]")).toEqual([]);
    expect(await known('{"a":1}')).toEqual([]);
  });

  it("are all of many", async () => {
    const list = Array.from({ length: 60_000 }, (_, id) => message(id, '"text"'));
    expect(await known(`[${list.join(",")}]`)).toHaveLength(60_000);
  });

  it("keep a text of any length", async () => {
    const text = "{,[".repeat(1_000_000);
    expect(await known(`[${message(1, JSON.stringify(text))}]`)).toMatchObject([{ content: text }]);
  });

  it("cannot be sent where one has too many values", async () => {
    expect(await known(`[${message(1, parts(30_000))}]`)).toHaveLength(1);
    expect(await known(`[${message(1, parts(33_000))}]`)).toBeNull();
  });

  it("cannot be sent where all together have too many values", async () => {
    const list = Array.from({ length: 9 }, (_, id) => message(id, parts(30_000)));
    expect(await known(`[${list.slice(1).join(",")}]`)).toHaveLength(8);
    expect(await known(`[${list.join(",")}]`)).toBeNull();
  });
});
