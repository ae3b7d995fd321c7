import { describe, expect, it } from "vitest";
import { FrameWriter } from "../../../../src/core/profile/frame-writer.ts";
import { atOnce } from "../../../../src/stream/sync/steps.ts";
import { ParsedEvent } from "../../../../src/core/profile/repair/parsed-event.ts";
import { textOf } from "../../../contract/bytes.ts";

const event = (n: number): ParsedEvent => ParsedEvent.of({ n });

function taken(writer: FrameWriter, isWhole = true): string {
  const bytes = atOnce(writer.takeInSteps({ isWhole }));
  return bytes ? textOf(bytes) : "";
}

describe("FrameWriter", () => {
  it("gives the last frame of a position its cursor, as the first line, and others a number", () => {
    const writer = new FrameWriter();
    writer.event(event(0));
    writer.cursor = "a";
    writer.event(event(1));
    writer.event(event(2));
    writer.cursor = "b";
    writer.event(event(3));
    expect(taken(writer)).toBe(
      'data: {"n":0}\n\nid: a.1\ndata: {"n":1}\n\nid: a\ndata: {"n":2}\n\nid: b\ndata: {"n":3}\n\n',
    );
    expect(writer.take()).toBeNull();
  });

  it("keeps the latest frame back while more of its position may come", () => {
    const writer = new FrameWriter();
    writer.cursor = "a";
    writer.event(event(1));
    expect(taken(writer, false)).toBe("");
    writer.event(event(2));
    expect(taken(writer, false)).toBe('id: a.1\ndata: {"n":1}\n\n');
    writer.cursor = "b";
    expect(taken(writer, false)).toBe('id: a\ndata: {"n":2}\n\n');
  });

  it("gives no cursor twice: what comes later for the same position has none", () => {
    const writer = new FrameWriter();
    writer.cursor = "a";
    writer.event(event(1));
    expect(taken(writer)).toBe('id: a\ndata: {"n":1}\n\n');
    writer.cursor = "a";
    writer.event(event(2));
    expect(taken(writer)).toBe('data: {"n":2}\n\n');
  });

  it("gives what is sent besides no id, in its place, and the others the ids that they have without it", () => {
    const writer = new FrameWriter();
    writer.cursor = "a";
    writer.besides(event(1));
    writer.event(event(2));
    writer.besides(event(3));
    writer.event(event(4));
    writer.besides(event(5));
    expect(taken(writer)).toBe(
      'data: {"n":1}\n\nid: a.1\ndata: {"n":2}\n\ndata: {"n":3}\n\nid: a\ndata: {"n":4}\n\ndata: {"n":5}\n\n',
    );
  });

  it("gives none but the last frame of a snapshot an id, and nothing after it the same one", () => {
    const writer = new FrameWriter();
    writer.snapshot([event(1), event(2)], "a");
    writer.event(event(3));
    expect(taken(writer)).toBe('data: {"n":1}\n\nid: a\ndata: {"n":2}\n\ndata: {"n":3}\n\n');
  });

  it.each([
    ["a.1", "a.2 a b"],
    ["a.2", "a b"],
    ["a", "b"],
    ["b", ""],
    ["c", ""],
  ])("skips frames up to that of an id and the one that has it: %s", (id, left) => {
    const writer = new FrameWriter();
    writer.skipTo(id);
    writer.cursor = "a";
    for (const n of [1, 2, 3]) writer.event(event(n));
    writer.cursor = "b";
    writer.event(event(4));
    const ids = [...taken(writer).matchAll(/^id: (.*)$/gmu)].map((match) => match[1]);
    expect(ids.join(" ")).toBe(left);
    expect(writer.isSkipping).toBe(id === "c");
  });

  it("counts what is dropped while it is muted, and writes nothing of it", () => {
    const writer = new FrameWriter();
    writer.isMuted = true;
    writer.event(event(12));
    expect(writer.written).toBe('data: {"n":12}\n\n'.length);
    expect(writer.take()).toBeNull();
  });
});
