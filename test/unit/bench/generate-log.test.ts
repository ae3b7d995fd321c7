import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type GeneratedLog,
  generateLines,
  generateLog,
} from "../../../scripts/bench/generate-log.ts";

const MEGABYTES = 5;
const SEED = 7;
const AVERAGE_BYTES = 250;
const LINE_FEED = 10;

describe("the log generator of the benchmark", () => {
  let dir: string;
  let log: GeneratedLog;
  let bytes: Buffer;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "runlog-generate-log-"));
    log = await generateLog(MEGABYTES, { dir, seed: SEED });
    bytes = await readFile(log.path);
  });

  afterAll(() => rm(dir, { recursive: true, force: true }));

  it("writes the same bytes for the same size and seed, and others for another seed", async () => {
    const again = [...generateLines(MEGABYTES, SEED)].flat().join("\n");
    expect(bytes.toString() === `${again}\n`).toBe(true);
    const other = [...generateLines(MEGABYTES, SEED + 1)].flat().join("\n");
    expect(bytes.toString() === `${other}\n`).toBe(false);
  });

  it("writes one JSON object a line and ends with a line feed", () => {
    expect(bytes.at(-1)).toBe(LINE_FEED);
    const lines = bytes.toString().trimEnd().split("\n");
    expect(lines).toHaveLength(log.events);
    for (const line of lines) expect(typeof JSON.parse(line)).toBe("object");
  });

  it("begins with RUN_STARTED, ends with RUN_FINISHED and leaves no run open", () => {
    let open = "";
    for (const line of bytes.toString().trimEnd().split("\n")) {
      const { type, runId }: { type: string; runId: string } = JSON.parse(line);
      if (type === "RUN_STARTED") {
        expect(open).toBe("");
        open = runId;
      }
      expect(runId).toBe(open);
      if (type === "RUN_FINISHED") open = "";
    }
    expect(open).toBe("");
  });

  it("averages 250 bytes an event within a tenth, one very long line included", () => {
    expect(log.bytes).toBe(bytes.length);
    expect(log.bytes).toBeGreaterThanOrEqual(MEGABYTES * 1_000_000);
    const average = log.bytes / log.events;
    expect(average).toBeGreaterThan(AVERAGE_BYTES * 0.9);
    expect(average).toBeLessThan(AVERAGE_BYTES * 1.1);
    const longest = bytes
      .toString()
      .split("\n")
      .filter((line) => line.length > 100_000);
    expect(longest).toHaveLength(1);
  });

  it("takes the log from its directory the next time", async () => {
    expect(await generateLog(MEGABYTES, { dir, seed: SEED })).toEqual(log);
  });
});
