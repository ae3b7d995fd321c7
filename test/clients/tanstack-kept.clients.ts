import { ChatClient, fetchServerSentEvents } from "@tanstack/ai-client";
import { expect, it, onTestFinished } from "vitest";
import { waitFor } from "../support/wait-for.ts";
import { answer, call, type PlayedSession, startPlayedSession } from "./support/played-run.ts";

/** A session, and chats of TanStack AI that keep nothing themselves: a new one is what a reload of a page makes. */
async function startKeptChats(): Promise<PlayedSession & { readonly openChat: () => ChatClient }> {
  const session = await startPlayedSession();
  const connection = fetchServerSentEvents(`${session.runlog.sessionUrl("s1")}/agui/run`);
  return {
    ...session,
    openChat() {
      const chat = new ChatClient({ threadId: "s1", connection, persistence: true });
      onTestFinished(() => chat.dispose());
      chat.attach();
      return chat;
    },
  };
}

/** What a chat has: of every message its role and what its parts say. */
const saidIn = (chat: ChatClient): unknown =>
  chat.getMessages().map(({ role, parts }) => [
    role,
    ...parts.map((part) => {
      if (part.type === "tool-call") return `${part.name} ${part.state}`;
      return "content" in part ? `${part.type} ${JSON.stringify(part.content)}` : part.type;
    }),
  ]);

const says = (chat: ChatClient, text: string): Promise<unknown> =>
  waitFor(() => JSON.stringify(saidIn(chat)).includes(text), { what: text });

const idle = (chat: ChatClient): Promise<unknown> =>
  waitFor(() => !chat.getIsLoading(), { what: "the end of the run" });

it("a chat has its history when it is opened again, and goes on with a run of several messages", async () => {
  const { openChat, run } = await startKeptChats();
  const chat = openChat();
  const first = await run(async () => void chat.sendMessage("hello"));
  const hi = answer("a1");
  await first.finish(hi.start, hi.text("Hi"), hi.end);
  await idle(chat);

  const second = await run(async () => void chat.sendMessage("read it"));
  const [looking, found] = [answer("a2"), answer("a3")];
  const [callStart, ...callRest] = call("c1", 3);
  // a call that names no message is part of the latest one to TanStack, and a message of its own to AG-UI
  const calls = [{ ...callStart, parentMessageId: "a2" }, ...callRest];
  await second.send(looking.start, looking.text("Looking"), looking.end, ...calls);
  await second.send(found.start, found.text("It "));
  await says(chat, "It ");
  const before = saidIn(chat);
  chat.dispose();

  const again = openChat();
  await says(again, "It ");
  expect(saidIn(again)).toEqual(before);
  expect(again.getIsLoading()).toBe(true);
  await second.finish(found.text("says xxx"), found.end);
  await says(again, "It says xxx");
  await idle(again);

  const later = openChat();
  await says(later, "It says xxx");
  expect(saidIn(later)).toEqual(saidIn(again));
  expect(later.getIsLoading()).toBe(false);
});

it("a chat that is opened again asks what an agent waits for", async () => {
  const { openChat, run } = await startKeptChats();
  const chat = openChat();
  const asking = await run(async () => void chat.sendMessage("delete it"));
  const interrupts = [{ id: "i1", reason: "confirmation", message: "Shall I?" }];
  await asking.finish({ type: "RUN_FINISHED", outcome: { type: "interrupt", interrupts } });
  await idle(chat);
  chat.dispose();

  const again = openChat();
  await waitFor(() => again.getInterrupts().some(({ message }) => message === "Shall I?"));
  const resume = [{ interruptId: "i1", status: "resolved" as const, payload: { approved: true } }];
  const resumed = await run(async () => void again.resumeInterruptsUnsafe(resume));
  expect(resumed.input["resume"]).toEqual(resume);
  const done = answer("a2");
  await resumed.finish(done.start, done.text("It is gone"), done.end);
  await says(again, "It is gone");
  await idle(again);
  expect(again.getInterrupts()).toEqual([]);
});
