import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import type { LogStore } from "../../src/ports/log-store.ts";

const KEY = { project: "p", session: "s" };
const bytes = (text: string) => new TextEncoder().encode(text);

let dir: string;
const opened: LogStore[] = [];

function openStore(options: { bootId?: string; maxOpenSessions?: number } = {}): LogStore {
  const store = createDiskLogStore({ dir, ...options });
  opened.push(store);
  return store;
}

function logPath(logId: string, name: string): string {
  return join(dir, "projects", KEY.project, KEY.session, logId, name);
}

/** Runs a script that uses the store in another process, and kills it when it has said `ready`. */
async function killedProcess(body: string): Promise<string> {
  const index = new URL("../../adapters/disk/index.ts", import.meta.url).href;
  const script = `
    import { createDiskLogStore } from ${JSON.stringify(index)};
    const store = createDiskLogStore({ dir: ${JSON.stringify(dir)}, bootId: "boot-1" });
    const key = ${JSON.stringify(KEY)};
    ${body}
    process.stdout.write("ready\\n");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--no-warnings", "--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  for await (const chunk of child.stdout) {
    said += String(chunk);
    if (said.includes("ready\n")) break;
  }
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return said;
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "runlog-recovery-"));
});

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await rm(dir, { recursive: true });
});

describe("a directory", () => {
  it("belongs to one process: a second one is refused, and gets it when the first is killed", async () => {
    const child = killedProcess(`
      const other = await new Promise((resolve) => {
        try { createDiskLogStore({ dir: ${JSON.stringify(dir)} }); resolve("both"); }
        catch (error) { resolve(error.code); }
      });
      process.stdout.write(other + "\\n");`);
    expect(await child).toContain("store-locked");
    await expect(openStore().check()).resolves.toBeUndefined();
  });

  it("is refused to a second store of the same process", () => {
    openStore();
    expect(() => openStore()).toThrow(/Another server uses the directory/);
  });

  it("of another format is refused, and stays as it is", async () => {
    await writeFile(join(dir, "runlog.json"), '{"format":99}\n');
    expect(() => openStore()).toThrow(/has format 99/);
    expect(await readFile(join(dir, "runlog.json"), "utf8")).toBe('{"format":99}\n');
  });
});

describe("after kill -9", () => {
  it("every accepted byte is there and the log is the same one", async () => {
    const said = await killedProcess(`
      const { logId } = await store.create(key);
      await store.append(key, new TextEncoder().encode("one\\ntwo\\n"), { logId, expectedEnd: 0 });
      await store.markOpen(key, logId, "run-1", "data");
      process.stdout.write(logId + "\\n");`);
    const store = openStore({ bootId: "boot-1" });
    const stat = await store.stat(KEY);
    expect(said).toContain(stat?.logId);
    expect(stat?.end.raw).toBe(8);
    const marks: string[][] = [];
    for await (const { runId, data } of store.openRuns()) marks.push([runId, data]);
    expect(marks).toEqual([["run-1", "data"]]);
  });

  it("a log that was open when the machine went down keeps its bytes under a new id", async () => {
    const said = await killedProcess(`
      const { logId } = await store.create(key);
      await store.append(key, new TextEncoder().encode("one\\n"), { logId, expectedEnd: 0 });
      process.stdout.write(logId + "\\n");`);
    const store = openStore({ bootId: "boot-2" });
    const stat = await store.stat(KEY);
    expect(said).not.toContain(stat?.logId);
    expect(stat?.end.raw).toBe(4);
    // it is not renewed again and again
    await store.close();
    expect((await openStore({ bootId: "boot-3" }).stat(KEY))?.logId).toBe(stat?.logId);
  });

  it("a log that was closed cleanly keeps its id over a reboot", async () => {
    const before = openStore({ bootId: "boot-1" });
    const { logId } = await before.create(KEY);
    await before.append(KEY, bytes("one\n"), { logId, expectedEnd: 0 });
    await before.close();
    const after = openStore({ bootId: "boot-2" });
    expect((await after.stat(KEY))?.logId).toBe(logId);
  });
});

describe("a torn last line", () => {
  it("is cut off wherever it was torn, and the next append is whole", async () => {
    const whole = '{"a":1}\n{"b":"ü"}\n';
    const torn = '{"type":"TEXT","delta":"äöü"}\n';
    for (let length = 0; length < bytes(torn).length; length++) {
      const before = openStore();
      const { logId } = await before.create(KEY);
      await before.append(KEY, bytes(whole), { logId, expectedEnd: 0 });
      await before.close();
      await appendFile(logPath(logId, "raw.jsonl"), bytes(torn).subarray(0, length));

      const store = openStore();
      const expectedEnd = bytes(whole).length;
      expect((await store.stat(KEY))?.end.raw).toBe(expectedEnd);
      await store.append(KEY, bytes("next\n"), { logId, expectedEnd });
      expect(await readFile(logPath(logId, "raw.jsonl"), "utf8")).toBe(`${whole}next\n`);
      await store.delete(KEY);
      await store.close();
    }
  });

  it("longer than any buffer is found and cut off too, also when nothing else is there", async () => {
    const before = openStore();
    const { logId } = await before.create(KEY);
    await before.append(KEY, bytes("one\n"), { logId, expectedEnd: 0 });
    await before.close();
    await appendFile(logPath(logId, "raw.jsonl"), new Uint8Array(300_000).fill(97));
    await writeFile(logPath(logId, "compact.jsonl"), new Uint8Array(100_000).fill(97));
    const { end } = (await openStore().stat(KEY)) ?? {};
    expect(end).toEqual({ raw: 4, compact: 0, edits: 0, runs: 0, keyframes: 0, times: 0 });
  });
});

describe("the files of many sessions", () => {
  it("are closed again: sessions come and go, descriptors and notes do not stay", async () => {
    const store = openStore({ maxOpenSessions: 8 });
    const descriptors = async () => (await readdir("/proc/self/fd")).length;
    const before = await descriptors();
    for (let i = 0; i < 300; i++) {
      const key = { project: "p", session: `s${i}` };
      const { logId } = await store.create(key);
      await store.append(key, bytes("x\n"), { logId, expectedEnd: 0 });
    }
    expect(await descriptors()).toBeLessThan(before + 20);
    await store.close();
    for (let i = 0; i < 300; i++) {
      const session = join(dir, "projects", "p", `s${i}`);
      const [logId = ""] = await readdir(session);
      expect(await readdir(join(session, logId))).toEqual(["raw.jsonl"]);
    }
  });

  it("go with their session, and so do its marks", async () => {
    const store = openStore();
    const { logId } = await store.create(KEY);
    await store.append(KEY, bytes("x\n"), { logId, expectedEnd: 0 });
    await store.setHead(KEY, logId, bytes("{}"));
    await store.markOpen(KEY, logId, "r", "");
    expect(await store.delete(KEY)).toBe(true);
    expect(await readdir(join(dir, "projects", "p"))).toEqual([]);
    expect(await readdir(join(dir, "trash"))).toEqual([]);
    expect(await readdir(join(dir, "open-runs"))).toEqual([]);
  });
});
