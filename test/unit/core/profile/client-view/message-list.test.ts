import { describe, expect, it } from "vitest";
import { ParsedEvent } from "../../../../../src/core/profile/repair/parsed-event.ts";
import { applyToMessages } from "../../../../../src/core/profile/client-view/apply-event.ts";
import { MessageList } from "../../../../../src/core/profile/client-view/message-list.ts";

const unlimited = { tryGrow: () => true };

function list(
  limitChars = 1_000_000,
  room: { tryGrow(bytes: number): boolean } = unlimited,
): MessageList {
  return new MessageList({ limitChars, room });
}

function stream(messages: MessageList, id: string, text: string): void {
  applyToMessages(
    messages,
    "TEXT_MESSAGE_START",
    ParsedEvent.of({ type: "TEXT_MESSAGE_START", messageId: id }),
  );
  const delta = ParsedEvent.of({ type: "TEXT_MESSAGE_CONTENT", messageId: id, delta: text });
  applyToMessages(messages, "TEXT_MESSAGE_CONTENT", delta);
}

describe("the messages that a stream keeps", () => {
  it("are released beyond their limit, but for their ids", () => {
    const messages = list(1_000);
    stream(messages, "a", "x".repeat(900));
    expect(messages.isOverflowed).toBe(false);
    stream(messages, "b", "x".repeat(200));
    expect(messages.isOverflowed).toBe(true);
    expect(messages.messages).toEqual([]);
    expect(messages.chars).toBe(0);
    expect([messages.has("a"), messages.has("b"), messages.has("c")]).toEqual([true, true, false]);
    const told = messages.merge([
      { id: "a", role: "user" },
      { id: "c", role: "user" },
    ]);
    expect(told.added.map(({ id }) => id)).toEqual(["c"]);
  });

  it("are released when the process has no room for them", () => {
    const asked: number[] = [];
    const messages = list(1_000_000, {
      tryGrow(bytes) {
        asked.push(bytes);
        return asked.length < 2;
      },
    });
    stream(messages, "a", "x".repeat(1_000));
    expect(messages.isOverflowed).toBe(false);
    stream(messages, "b", "x".repeat(100_000));
    expect(messages.isOverflowed).toBe(true);
    expect(asked).toHaveLength(2);
  });

  it("count every message as known once more ids were seen than are remembered", () => {
    const messages = list(10);
    for (let i = 0; i < 65_536; i++) messages.merge([{ id: `m${i}`, role: "user" }]);
    expect(messages.has("never seen")).toBe(true);
  });
});
