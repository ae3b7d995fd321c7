import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  link,
  mkdir,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  unlink,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { createDiskLogReader, createDiskLogStore } from "../../adapters/disk/index.ts";
import { MAX_HEAD_BYTES } from "../../src/ports/log-store.ts";
import { textOf, utf8 } from "../contract/bytes.ts";
import { codeOf, collect } from "../contract/outcome.ts";
import { createTempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";

const KEY = { project: "p", session: "s" };
const FORMAT = '{"format":1}\n';

async function freshDir(): Promise<string> {
  const dir = await createTempDir();
  onTestFinished(() => dir.remove());
  return dir.path;
}

/** A store, closed with the test, and what it logs. */
function openStore(dir: string) {
  const told: { event: string; file?: unknown }[] = [];
  const tell = (event: string, facts?: object): void => void told.push({ event, ...facts });
  const store = createDiskLogStore({ dir, bootId: "boot", logger: { warn: tell, error: tell } });
  onTestFinished(() => store.close());
  return Object.assign(store, { told });
}

async function logDir(dir: string): Promise<string> {
  const session = join(dir, "projects", KEY.project, KEY.session);
  const [logId = ""] = await readdir(session);
  return join(session, logId);
}

/** A directory whose server has gone; a session with a line, a head, a document and an open run is in it. */
async function usedDir(): Promise<string> {
  const dir = await freshDir();
  const store = createDiskLogStore({ dir, bootId: "boot" });
  const { logId } = await store.create(KEY, { head: utf8("head"), document: utf8("document") });
  await store.append(KEY, utf8("{}\n"), { logId, expectedEnd: 0 });
  await store.markOpen(KEY, logId, "run", "data");
  await store.close();
  return dir;
}

describe("a first start that was cut short", () => {
  it.each(["", '{"form', '{"format":1', "\0".repeat(13)])(
    "is completed by the next: %j in runlog.json is no format",
    async (text) => {
      const dir = await usedDir();
      await writeFile(join(dir, "runlog.json"), text);
      expect(await createDiskLogReader({ dir }).stat(KEY)).toMatchObject({ end: { raw: 3 } });
      expect(await openStore(dir).stat(KEY)).toMatchObject({ end: { raw: 3 } });
      expect(await readFile(join(dir, "runlog.json"), "utf8")).toMatch(/^\{"format":1/);
    },
  );

  it("is completed by the next: nothing in the directory says the format", async () => {
    const dir = await usedDir();
    await unlink(join(dir, "runlog.json"));
    await writeFile(join(dir, "runlog.json.tmp"), '{"for');
    expect(await openStore(dir).stat(KEY)).toMatchObject({ end: { raw: 3 } });
    expect(await readFile(join(dir, "runlog.json"), "utf8")).toBe(FORMAT);
  });

  it("is none where another version has been, and what it left stays", async () => {
    const dir = await usedDir();
    for (const text of ['{"format":2}', '{"version":"x"}', "[]"]) {
      await writeFile(join(dir, "runlog.json"), text);
      expect(() => openStore(dir)).toThrow(/has format/);
      expect(await readFile(join(dir, "runlog.json"), "utf8")).toBe(text);
    }
  });
});

describe("among the marks of open runs", () => {
  it("what is none is passed over, and logged once by its name", async () => {
    const dir = await usedDir();
    const folder = join(dir, "open-runs");
    const [name = ""] = await readdir(folder);
    const mark = JSON.parse(await readFile(join(folder, name), "utf8")) as Record<string, unknown>;
    const odd: Record<string, string | Uint8Array> = {
      "p.s.empty.json": "",
      "p.s.zeros.json": new Uint8Array(150),
      "p.s.half.json": JSON.stringify(mark).slice(0, 60),
      "p.s.null.json": "null",
      "p.s.types.json": JSON.stringify({ ...mark, data: 7 }),
      "p.s.moved.json": JSON.stringify(mark),
      "p.s.path.json": JSON.stringify({ ...mark, session: "../../../escape" }),
      "p.s.large.json": JSON.stringify({ ...mark, data: "x".repeat(100_000) }),
      ".hidden.json": "hello",
    };
    for (const [file, text] of Object.entries(odd)) await writeFile(join(folder, file), text);
    await mkdir(join(folder, "p.s.folder.json"));
    const store = openStore(dir);
    for (const _ of [1, 2]) expect(await collect(store.openRuns())).toEqual([mark]);
    const files = store.told.map(({ event, file }) => `${event} ${String(file)}`).sort();
    expect(files).toEqual(
      [...Object.keys(odd), "p.s.folder.json"]
        .map((file) => `run-mark-passed-over ${join(folder, file)}`)
        .sort(),
    );
  });

  it("one that is none does not keep its session from being deleted", async () => {
    const dir = await usedDir();
    await mkdir(join(dir, "open-runs", "p.s.folder.json"));
    const store = openStore(dir);
    expect(await store.delete(KEY)).toBe(true);
    expect(await collect(store.openRuns())).toEqual([]);
  });
});

describe("a value that makes no sense", () => {
  it.each(["head.json", "document.json"])(
    "in %s is read as nothing that anybody wrote, and can be replaced",
    async (name) => {
      for (const kind of ["folder", "large"]) {
        const dir = await usedDir();
        const path = join(await logDir(dir), name);
        if (kind === "large") await truncate(path, 16 * MAX_HEAD_BYTES);
        else {
          await unlink(path);
          await mkdir(join(path, "x"), { recursive: true });
        }
        const store = openStore(dir);
        const stat = await store.stat(KEY);
        const isHead = name === "head.json";
        expect(textOf((isHead ? stat?.head : stat?.document) ?? utf8("none"))).toBe("");
        expect(textOf((isHead ? stat?.document : stat?.head) ?? utf8("none"))).not.toBe("");
        const { logId = "" } = stat ?? {};
        await (isHead
          ? store.setHead(KEY, logId, utf8("new"))
          : store.setDocument(KEY, logId, utf8("new")));
        expect(await readFile(path, "utf8")).toBe("new");
        await store.close();
      }
    },
  );

  it("in the note of an unclean end means that nothing is sure: the log gets another id", async () => {
    for (const note of ["", "\0\0\0", "boot\nx\n", "folder"]) {
      const dir = await usedDir();
      const log = await logDir(dir);
      if (note === "folder") await mkdir(join(log, "unclean"));
      else await writeFile(join(log, "unclean"), note);
      const store = openStore(dir);
      const stat = await store.stat(KEY);
      // the first line of the third is the boot that goes on
      if (note.startsWith("boot")) expect(log).toContain(stat?.logId);
      else expect(log).not.toContain(stat?.logId);
      expect(stat?.end.raw).toBe(3);
      await store.close();
    }
  });
});

/** What may lie where a file has to be, and is none. */
const ODD: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  "a directory": (path) => mkdir(join(path, "x"), { recursive: true }),
  "a pipe": async (path) => void execFileSync("mkfifo", [path]),
  "a link to itself": (path) => symlink(basename(path), path),
  "a link to a device": (path) => symlink("/dev/zero", path),
  "a socket": (path) => bind(path),
};

/** Binds a socket there, and leaves it. */
async function bind(path: string): Promise<void> {
  // its own name may be too long for an address
  const short = join(tmpdir(), randomUUID());
  const server = createServer().listen(short);
  await once(server, "listening");
  await link(short, path);
  server.close();
}

describe.each(Object.entries(ODD))("%s", (_what, put) => {
  async function putAt(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true });
    await put(path);
  }

  it.each([
    "head.json",
    "document.json",
    "unclean",
    "compact.jsonl",
    "runs.txt",
    "keyframes.txt",
    "head.json.tmp",
  ])("as %s costs nothing of the session, and gives way", async (name) => {
    const dir = await usedDir();
    await putAt(join(await logDir(dir), name));
    expect((await createDiskLogReader({ dir }).stat(KEY))?.end.raw).toBe(3);
    const store = openStore(dir);
    const { logId = "", end } = (await store.stat(KEY)) ?? {};
    expect(end).toMatchObject({ raw: 3, compact: 0, runs: 0 });
    await store.append(KEY, utf8("{}\n"), { logId, expectedEnd: 3 });
    await store.append(KEY, utf8("{}\n"), { logId, expectedEnd: 0, log: "compact" });
    await store.append(KEY, utf8("{}\n"), { logId, expectedEnd: 0, log: "runs" });
    await store.setHead(KEY, logId, utf8("new"));
    await store.setDocument(KEY, logId, utf8("new"));
    expect(textOf((await store.stat(KEY))?.head ?? utf8(""))).toBe("new");
  });

  it.each(["raw.jsonl", "edits.txt"])(
    "as %s fails that session, by its name, and no other",
    async (name) => {
      const dir = await usedDir();
      const path = join(await logDir(dir), name);
      await putAt(path);
      const store = openStore(dir);
      await expect(store.stat(KEY)).rejects.toThrow(
        `There is something else where a file has to be: move '${path}' away`,
      );
      await store.create({ ...KEY, session: "other" });
      expect((await store.list()).items).toHaveLength(2);
      expect(await store.delete(KEY)).toBe(true);
      expect((await store.list()).items).toHaveLength(1);
    },
  );

  it("among the marks, or beside one, keeps no mark from being read or made", async () => {
    const dir = await usedDir();
    const folder = join(dir, "open-runs");
    const [name = ""] = await readdir(folder);
    await putAt(join(folder, "p.s.odd.json"));
    await putAt(join(folder, `${name}.tmp`));
    const store = openStore(dir);
    const { logId = "" } = (await store.stat(KEY)) ?? {};
    await store.markOpen(KEY, logId, "run", "more");
    expect(await collect(store.openRuns())).toMatchObject([{ runId: "run", data: "more" }]);
    expect(store.told.map(({ file }) => file)).toEqual([join(folder, "p.s.odd.json")]);
  });

  it.each(["runlog.json", "lock.db"])("as %s is named at the start", async (name) => {
    const dir = await usedDir();
    await putAt(join(dir, name));
    expect(() => openStore(dir)).toThrow(`where a file has to be: move '${join(dir, name)}' away`);
  });
});

describe("a list", () => {
  it("has the sessions that can be read, whatever lies beside them", async () => {
    const dir = await usedDir();
    const projects = join(dir, "projects");
    await writeFile(join(projects, "p", "file"), "x");
    await mkdir(join(projects, "p", "no-log", "not-a-log-id"), { recursive: true });
    await mkdir(join(projects, "p", "UPPER", "0000000000000000"), { recursive: true });
    await mkdir(join(projects, "Upper", "s", "0000000000000000"), { recursive: true });
    await writeFile(join(projects, "file"), "x");
    const { items } = await openStore(dir).list();
    expect(items.map(({ project, session }) => [project, session])).toEqual([["p", "s"]]);
  });

  it("of a session whose log is no file has its name, and the session can be deleted", async () => {
    const dir = await usedDir();
    const raw = join(await logDir(dir), "raw.jsonl");
    await unlink(raw);
    await mkdir(raw);
    const store = openStore(dir);
    expect(await codeOf(store.stat(KEY))).toBe("store-failed");
    expect((await store.list()).items).toHaveLength(1);
    expect(await store.delete(KEY)).toBe(true);
    expect(await store.stat(KEY)).toBeNull();
    expect((await store.list()).items).toEqual([]);
  });
});

describe("a lock file that is removed while its owner runs", () => {
  it("lets nobody else in, and is put back", async () => {
    const dir = await usedDir();
    const store = openStore(dir);
    await unlink(join(dir, "lock.db"));
    expect(() => createDiskLogStore({ dir })).toThrow(/Another server uses the directory/);
    await waitFor(
      async () => {
        await store.check();
        return store.told.some(({ event }) => event === "lock-file-replaced");
      },
      { what: "a lock file that is put back" },
    );
    const { logId = "", end } = (await store.stat(KEY)) ?? {};
    await store.append(KEY, utf8("{}\n"), { logId, expectedEnd: end?.raw ?? -1 });
  });

  it("and made again by another process, ends every write of the first", async () => {
    const dir = await usedDir();
    const store = openStore(dir);
    const { logId = "", end } = (await store.stat(KEY)) ?? {};
    const expectedEnd = end?.raw ?? -1;
    await store.append(KEY, utf8("{}\n"), { logId, expectedEnd });
    const path = join(dir, "lock.db");
    await unlink(path);
    // as one does that cannot see the first
    const other = new DatabaseSync(path);
    onTestFinished(() => other.close());
    other.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    await waitFor(async () => (await codeOf(store.check())) === "store-locked", {
      what: "an owner that sees that it is none",
    });
    const writes = [
      store.append(KEY, utf8("{}\n"), { logId, expectedEnd: expectedEnd + 3 }),
      store.create({ ...KEY, session: "other" }),
      store.setHead(KEY, logId, utf8("x")),
      store.setDocument(KEY, logId, utf8("x")),
      store.markOpen(KEY, logId, "other", "x"),
      store.clearOpen(KEY, logId, "run"),
      store.delete(KEY),
    ];
    for (const write of writes) expect(await codeOf(write)).toBe("store-locked");
    expect((await store.stat(KEY))?.end.raw).toBe(expectedEnd + 3);
    const log = await logDir(dir);
    await store.close();
    // it does not say for the other that all is on the device
    expect(await readdir(log)).toContain("unclean");
  });

  it("is no lock file at all: it is named, with what to do", async () => {
    const dir = await usedDir();
    await rm(join(dir, "lock.db"));
    await writeFile(
      join(dir, "lock.db"),
      "this is no database, but a text that is long enough ".repeat(20),
    );
    expect(() => createDiskLogStore({ dir })).toThrow(
      /lock\.db cannot be locked: .* remove the file/,
    );
    await rm(join(dir, "lock.db"));
    await openStore(dir).check();
  });
});

describe("what is said of the disk", () => {
  it("is what a try shows that writes a file, and leaves none", async () => {
    const dir = await usedDir();
    const store = openStore(dir);
    await store.check();
    expect(await readdir(dir)).not.toContain("write-test.tmp");
    // nothing can be written in its place
    await mkdir(join(dir, "write-test.tmp", "x"), { recursive: true });
    await waitFor(async () => (await codeOf(store.check())) === "store-failed", {
      what: "a try that fails",
    });
    await rm(join(dir, "write-test.tmp"), { recursive: true });
    await waitFor(async () => (await codeOf(store.check())) === "resolved", {
      what: "a try that succeeds",
    });
  });
});
