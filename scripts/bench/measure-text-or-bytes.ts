import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { SseFramer } from "../../src/stream/sse/sse-frame.ts";
import { LineSplitterStream } from "../../src/stream/text/line-splitter-stream.ts";
import type { DataDir } from "./data-dir.ts";
import { median, type Row } from "./row.ts";

type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>;

/** As large as what a viewer reads at a time. */
const CHUNK_BYTES = 64 * 1024;
const TRIES = 3;

/** Processor time of framing each log for a viewer: as a stream of lines of text, and whole chunks of bytes at a time. */
export async function measureTextOrBytes({ sessions }: DataDir): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { log, rawPath } of sessions) {
    const size = `${log.megabytes} MB`;
    const inText: number[] = [];
    const inBytes: number[] = [];
    for (let i = 0; i < TRIES; i += 1) {
      const text = await costOf(() => frameText(open(rawPath)));
      const bytes = await costOf(() => frameBytes(open(rawPath)));
      if (text.length !== bytes.length) throw new Error("the two ways give different frames");
      inText.push(text.seconds);
      inBytes.push(bytes.seconds);
    }
    const [text, bytes] = [median(inText), median(inBytes)];
    rows.push({ measurement: "framed as bytes", size, value: bytes, unit: "s of CPU" });
    const ratio = text / bytes;
    rows.push({ measurement: "framed as text", size, value: text, unit: "s of CPU", ratio });
  }
  return rows;
}

function open(path: string): Bytes {
  return Readable.toWeb(createReadStream(path, { highWaterMark: CHUNK_BYTES })) as Bytes;
}

/** One string a line through `TransformStream`s, as one would write it who does not have to be fast. */
async function frameText(bytes: Bytes): Promise<number> {
  let offset = 0;
  const encoder = new TextEncoder();
  const frames = bytes
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new LineSplitterStream({ ends: "lf" }))
    .pipeThrough(
      new TransformStream<string, string>({
        transform(line, controller) {
          offset += encoder.encode(line).length + 1;
          controller.enqueue(`data: ${line}\nid: bench-r${offset}\n\n`);
        },
      }),
    )
    .pipeThrough(new TextEncoderStream());
  let length = 0;
  for await (const frame of frames) length += frame.length;
  return length;
}

/** As the server does it. */
async function frameBytes(bytes: Bytes): Promise<number> {
  const framer = new SseFramer("bench-r", 0);
  let length = 0;
  for await (const chunk of bytes) length += framer.push(chunk).length;
  return length;
}

/** What one way took, and how many bytes of frames it gave. */
async function costOf(work: () => Promise<number>): Promise<{ seconds: number; length: number }> {
  const before = process.cpuUsage();
  const length = await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (user + system) / 1_000_000, length };
}
