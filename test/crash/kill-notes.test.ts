import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, it } from "vitest";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import type { LogStat } from "../../src/ports/log-store.ts";
import { drain, textOf, utf8 } from "../contract/bytes.ts";
import { freshDir } from "../support/server-process.ts";

/** When the process dies, at a system call on a file of the log: before it, in it, or after it. */
const MOMENTS = ["before", "half-way", "after"] as const;
type Moment = (typeof MOMENTS)[number];

const KEY = { project: "p", session: "s" };
/** What is appended, in order: three lines each. With a note, or without one for null. */
const APPENDS = [
  ["a", 1],
  ["own", null],
  ["b", 2],
  ["a", 3],
  ["a", 4],
] as const;
const DROPPED = "b";

const linesOf = (place: number): string => `${place} one\n${place} two\n${place} three\n`;

/** Appends, drops a note, appends on; kills itself at the `at`th system call. Says when it came to the end. */
function victim(dir: string, at: number, moment: Moment): string {
  const index = new URL("../../adapters/disk/index.ts", import.meta.url).href;
  return `
    import { createDiskLogStore, nodeIo } from ${JSON.stringify(index)};
    const die = () => process.kill(process.pid, "SIGKILL");
    const never = () => new Promise(() => {});
    let calls = 0;
    const counted = (real, half) => async (...args) => {
      if (++calls !== ${at}) return real(...args);
      const moment = ${JSON.stringify(moment)};
      if (moment === "half-way") await half(...args);
      if (moment === "after") await real(...args);
      die();
      return never();
    };
    const nothing = async () => {};
    const writeHalf = async (fd, buffers, position) => {
      const bytes = Buffer.concat(buffers);
      await nodeIo.writev(fd, [bytes.subarray(0, Math.ceil(bytes.length / 2))], position);
    };
    const writeNow = (fd, bytes, position) => {
      if (++calls !== ${at}) return nodeIo.writeNow(fd, bytes, position);
      const written = { before: 0, "half-way": Math.ceil(bytes.length / 2), after: bytes.length }[${JSON.stringify(moment)}];
      nodeIo.writeNow(fd, bytes.subarray(0, written), position);
      die();
      for (;;);
    };
    const io = {
      ...nodeIo,
      writeNow,
      writev: counted(nodeIo.writev, writeHalf),
      truncate: counted(nodeIo.truncate, nothing),
      datasync: counted(nodeIo.datasync, nothing),
    };
    const store = createDiskLogStore({ dir: ${JSON.stringify(dir)}, fsync: "always", bootId: "boot", io });
    const key = ${JSON.stringify(KEY)};
    const { logId } = await store.create(key);
    let expectedEnd = 0;
    for (const [place, [noteKey, text]] of ${JSON.stringify(APPENDS)}.entries()) {
      const note = text === null ? {} : { note: { key: noteKey, text: String(text) } };
      const lines = new TextEncoder().encode(place + " one\\n" + place + " two\\n" + place + " three\\n");
      expectedEnd = await store.append(key, lines, { logId, expectedEnd, ...note });
      if (place === 3) await store.dropNote(key, logId, ${JSON.stringify(DROPPED)});
    }
    await store.dropNote(key, logId, "a");
    process.stdout.write("done\\n");
    process.exit();`;
}

async function runVictim(script: string): Promise<boolean> {
  const child = spawn(process.execPath, ["--no-warnings", "--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await once(child, "close");
  return said.includes("done");
}

/** The notes after `count` whole appends, as `key text end`. */
function notesAfter(count: number): Set<string> {
  const notes = new Map<string, string>();
  let end = 0;
  for (const [place, [key, text]] of APPENDS.slice(0, count).entries()) {
    end += linesOf(place).length;
    if (text !== null) notes.set(key, `${key} ${text} ${end}`);
  }
  return new Set(notes.values());
}

function shown({ notes }: LogStat): string[] {
  return notes.map(({ key, text, end }) => `${key} ${text} ${end}`);
}

const stores: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

it.each(MOMENTS)(
  "a kill -9 %s any system call leaves a note with all of its bytes, or neither",
  async (moment) => {
    let at = 1;
    for (let isDone = false; !isDone; at++) {
      const dir = await freshDir();
      isDone = await runVictim(victim(dir, at, moment));
      const open = () => {
        const store = createDiskLogStore({ dir, bootId: "boot" });
        stores.push(store);
        return store;
      };
      let store = open();
      let stat = await store.create(KEY);
      const { logId } = stat;
      const text = textOf(await drain(store.read(KEY, { logId })));
      const places = APPENDS.map((_, place) => place);
      const whole = places.findLast((place) => text.includes(`${place} three\n`)) ?? -1;
      const expected = places
        .slice(0, whole + 1)
        .map(linesOf)
        .join("");
      // only an append without a note may be there in part
      const isInPart =
        text !== expected && whole === 0 && linesOf(1).startsWith(text.slice(expected.length));
      expect(isInPart ? expected : text, `call ${at}`).toBe(expected);
      const may = notesAfter(whole + 1);
      for (const note of shown(stat)) expect(may, `call ${at}`).toContain(note);
      const missing = [...may].filter((note) => !shown(stat).includes(note));
      // a drop that was under way is done or not
      const mayBeDropped = whole >= 3 ? [DROPPED, ...(whole === 4 ? ["a"] : [])] : [];
      for (const note of missing) expect(mayBeDropped, `call ${at}`).toContain(note.split(" ")[0]);
      // other bytes in the place of those that were cut off bring no note back
      await store.append(KEY, utf8(`${"x".repeat(200)}\n`), { logId, expectedEnd: stat.end.raw });
      const before = shown(stat);
      await store.close();
      store = open();
      stat = await store.create(KEY);
      expect(shown(stat), `call ${at}, later`).toEqual(before);
      await store.close();
    }
    expect(at).toBeGreaterThan(15);
  },
  120_000,
);
