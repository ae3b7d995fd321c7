import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createDeferred, type Deferred, within } from "./deadline.ts";

/** A script of this folder in a process of its own. */
export interface ChildScript<Message> {
  /** The next message that it sent, in order; rejects when the process ends or in `timeoutMs`. */
  next(timeoutMs: number): Promise<Message>;
  /** Sends a message, which the script gets by `receiveFromParent`. */
  send(message: unknown): void;
  /** Ends the process and waits for its end. */
  stop(): Promise<void>;
}

/** Lets signals end this process by its exit handlers, in which child processes end: alone they skip them. */
export function exitOnSignals(): void {
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
}

/**
 * Starts `script` with `args`, as JSON, as its only argument. Messages are JSON texts, made by
 * `sendToParent`. The process ends with this one at the latest.
 */
export function startScript<Message>(script: URL, args: unknown): ChildScript<Message> {
  const path = fileURLToPath(script);
  const child = fork(path, [JSON.stringify(args)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  let ended = false;
  const exited = once(child, "exit").finally(() => {
    ended = true;
    process.off("exit", kill);
  });

  const messages: Message[] = [];
  let waiting: Deferred<void> | undefined;
  child.on("message", (text) => {
    if (typeof text === "string") messages.push(JSON.parse(text));
    waiting?.resolve();
  });

  async function take(): Promise<Message> {
    for (;;) {
      const message = messages.shift();
      if (message !== undefined) return message;
      if (ended) throw new Error(`${path} has ended`);
      waiting = createDeferred();
      await Promise.race([waiting.promise, exited]);
    }
  }

  return {
    send: (message) => void child.send(JSON.stringify(message)),
    next: (timeoutMs) => within(take(), timeoutMs, `a message of ${path}`),
    async stop() {
      kill();
      await exited;
    },
  };
}

/** In a script that `startScript` started: sends a message. */
export function sendToParent(message: unknown): void {
  process.send?.(JSON.stringify(message));
}

/** In a script that `startScript` started: is told each message of the parent's. */
export function receiveFromParent(take: (message: unknown) => void): void {
  process.on("message", (text) => {
    if (typeof text === "string") take(JSON.parse(text));
  });
}

/** In a script that `startScript` started: ends it when its parent ends. */
export function endWithParent(): void {
  process.once("disconnect", () => process.exit());
}
