import { describe, expect, it } from "vitest";
import { ParsedEvent } from "../../../../../src/core/profile/repair/parsed-event.ts";
import type { Message } from "../../../../../src/core/profile/repair/repair-message.ts";
import { applyToMessages } from "../../../../../src/core/profile/client-view/apply-event.ts";
import { MessageList } from "../../../../../src/core/profile/client-view/message-list.ts";
import { PendingMessages } from "../../../../../src/core/profile/client-view/pending-messages.ts";
import { atOnce } from "../../../../../src/stream/sync/steps.ts";

const said = (id: string, role = "assistant"): Message => ({ id, role, content: "" });

/** The messages of a run, and a client that has those that were streamed. */
class Run {
  readonly list = new MessageList({ limitChars: 1_000_000, room: { tryGrow: () => true } });
  readonly pending = new PendingMessages(this.list);

  stream(...ids: readonly string[]): this {
    for (const messageId of ids)
      applyToMessages(
        this.list,
        "TEXT_MESSAGE_START",
        ParsedEvent.of({ type: "TEXT_MESSAGE_START", messageId }),
      );
    return this;
  }

  think(messageId: string): this {
    const type = "REASONING_MESSAGE_START";
    applyToMessages(this.list, type, ParsedEvent.of({ type, messageId, role: "reasoning" }));
    return this;
  }

  snapshot(...messages: readonly Message[]): this {
    atOnce(this.pending.merge(messages, { isOwn: true }));
    return this;
  }

  /** The ids, with roles that are not the assistant's, of each snapshot that is sent now. */
  sent(): readonly string[][] {
    const { lists } = atOnce(this.pending.takeSnapshot());
    return lists.map((list) =>
      list.map(({ id, role }) => (role === "assistant" ? id : `${id} ${role}`)),
    );
  }
}

describe("what a client lacks is sent", () => {
  it("by one snapshot where that suffices: others were added, changed and taken away", () => {
    const run = new Run().stream("a", "b").snapshot(said("a"), said("c", "user"));
    expect(run.sent()).toEqual([["a", "b", "c user"]]);
    expect(run.snapshot(said("a"), said("d")).sent()).toEqual([["a", "c user", "d"]]);
    expect(run.sent()).toEqual([]);
  });

  it("after a snapshot without a message that was taken away and has come back", () => {
    const run = new Run().stream("a", "b", "c").snapshot(said("a"), said("c"), said("d"));
    expect(run.snapshot(said("a"), said("b"), said("c"), said("d")).sent()).toEqual([
      ["a", "c"],
      ["a", "c", "d", "b"],
    ]);
  });

  it("after one without what follows the first of several messages of one id", () => {
    const run = new Run().stream("a").snapshot(said("a"), said("b"), said("b"), said("c", "user"));
    expect(run.sent()).toEqual([["a", "b", "b", "c user"]]);
    expect(run.snapshot(said("a"), said("b"), said("c", "user"), said("d", "user")).sent()).toEqual(
      [["a"], ["a", "b", "b", "c user", "d user"]],
    );
  });

  it("after reasoning has been made something else, which clients would keep", () => {
    const run = new Run().think("g").stream("a");
    run.snapshot(said("a"), said("h", "reasoning"));
    // of its role there is another, so that it goes
    expect(run.sent()).toEqual([["a", "h reasoning"]]);
    run.snapshot(said("a"), said("i", "reasoning"));
    run.snapshot(said("a"), said("i"));
    expect(run.sent()).toEqual([["a", "h"], ["a"], ["a", "i"]]);
  });

  it("before an event changes what the client has no more, or not yet", () => {
    const run = new Run().stream("a", "b").snapshot(said("a"), said("c"));
    const isMissing = (isNew: boolean) =>
      ["a", "b", "c", "d"].filter((id) => run.pending.isMissing(id, isNew));
    expect([isMissing(false), isMissing(true)]).toEqual([
      ["b", "c"],
      ["a", "b", "c", "d"],
    ]);
    run.sent();
    expect([isMissing(false), isMissing(true)]).toEqual([[], []]);
  });
});
