import { describe, expect, it } from "vitest";
import { createReport } from "../../../src/entry/commands/report.ts";
import { bytesText, durationText } from "../../../src/entry/commands/units.ts";

const MIB = 1024 * 1024;

function reporting(options: { readonly json?: boolean; readonly isTTY?: boolean }) {
  const written = { stdout: "", stderr: "" };
  let nowMs = 0;
  const report = createReport({
    json: options.json ?? false,
    stdout: { write: (text: string | Uint8Array) => ((written.stdout += text), true) },
    stderr: {
      isTTY: options.isTTY ?? false,
      columns: 200,
      write: (text: string | Uint8Array) => ((written.stderr += text), true),
    },
    now: () => (nowMs += 1000),
  });
  const advance = (doneBytes: number): void =>
    report.advance("demo/hello", { phase: "pack", doneBytes, totalBytes: 40 * MIB });
  return { report, written, advance };
}

describe("what a command says while it works", () => {
  it("is a bar with bytes, rate and time left on a terminal, and lines that replace it", () => {
    const { report, written, advance } = reporting({ isTTY: true });
    advance(10 * MIB);
    advance(20 * MIB);
    const last = written.stderr.split("\r\u001b[K").at(-1);
    expect(last).toBe(
      "demo/hello pack [############------------]  50%  20.0 MiB of 40.0 MiB  20.0 MiB/s  1.0 s left",
    );
    report.line("demo/hello  archived", { session: "hello" });
    expect(written.stderr.endsWith("\r\u001b[K")).toBe(true);
    expect(written.stdout).toBe("demo/hello  archived\n");
  });

  it("is plain lines elsewhere", () => {
    const { report, written, advance } = reporting({});
    advance(10 * MIB);
    report.line("demo/hello  archived", { session: "hello" });
    report.note("a note");
    expect(written).toEqual({ stdout: "demo/hello  archived\n", stderr: "a note\n" });
  });

  it("is JSON lines and nothing else for scripts", () => {
    const { report, written, advance } = reporting({ json: true, isTTY: true });
    advance(10 * MIB);
    report.line("demo/hello  archived", { session: "hello" });
    report.note("a note");
    expect(written).toEqual({ stdout: '{"session":"hello"}\n', stderr: "" });
  });

  it("names sizes and times as people do", () => {
    const sizes = [0, 1, 1023, 1024, 1536, 5 * MIB, 3 * 1024 * MIB];
    expect(sizes.map(bytesText)).toEqual([
      "0 B",
      "1 B",
      "1023 B",
      "1.0 KiB",
      "1.5 KiB",
      "5.0 MiB",
      "3.0 GiB",
    ]);
    const times = [0, 1234, 12_345, 65_000, 3_720_000];
    expect(times.map(durationText)).toEqual(["0.0 s", "1.2 s", "12 s", "1 min 5 s", "1 h 2 min"]);
  });
});
