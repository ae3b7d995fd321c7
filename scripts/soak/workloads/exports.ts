import { crc32 } from "node:zlib";
import { openHttpStream } from "../../bench/http-stream.ts";
import type { Workload, WorkloadContext } from "../workload.ts";

const TAIL_BYTES = 64;
/** Larger documents are checked by their end alone: parsing one costs many times its size. */
const MAX_PARSED_MEGABYTES = 5;

/** Exports of the raw log as JSON lines, compared in the end with what is stored. */
export const lineExports: Workload = {
  name: "exports of lines",
  clients: 1,
  async round(context) {
    const { name, path } = context.random.pick(context.sessions);
    const logId = await logIdOf(context, path);
    let crc = 0;
    let end = 0;
    const stream = openHttpStream({
      port: context.port,
      path: `${path}/export?view=raw`,
      headers: { Accept: "application/x-ndjson" },
      onBody(bytes) {
        crc = crc32(bytes, crc);
        end += bytes.length;
      },
    });
    const { status } = await stream.head;
    const whole = await stream.ended;
    context.count(`exports answered ${status}${whole ? "" : ", broken off"}`);
    if (status === 200 && whole && logId !== null) context.saw(name, { logId, start: 0, end, crc });
  },
};

/** Exports as one document, finished runs compacted: one that ends is whole. */
export const documentExports: Workload = {
  name: "exports of documents",
  clients: 1,
  async round(context) {
    const { name, path, megabytes } = context.random.pick(context.sessions);
    const parsed = megabytes <= MAX_PARSED_MEGABYTES;
    const chunks: Buffer[] = [];
    let tail = "";
    const stream = openHttpStream({
      port: context.port,
      path: `${path}/export`,
      onBody(bytes) {
        if (parsed) chunks.push(Buffer.from(bytes));
        tail = (tail + bytes.toString("latin1")).slice(-TAIL_BYTES);
      },
    });
    const { status } = await stream.head;
    const whole = await stream.ended;
    context.count(`exports answered ${status}${whole ? "" : ", broken off"}`);
    if (status !== 200 || !whole) return;
    if (!tail.endsWith('],"hasLegacy":false}'))
      context.violation(`${name}: the export is not whole`);
    if (parsed) JSON.parse(Buffer.concat(chunks).toString());
  },
};

/** How long in ms the first event of a log may take: a session without one is silent. */
const FIRST_EVENT_MS = 10_000;

/** The id of the session's log, as its first event's cursor tells it; null if none comes in `ms`. */
export async function logIdOf(
  { port }: Pick<WorkloadContext, "port">,
  path: string,
  ms: number = FIRST_EVENT_MS,
): Promise<string | null> {
  let text = "";
  const stream = openHttpStream({
    port,
    path: `${path}/agui/events?view=raw`,
    onBody(bytes) {
      text += bytes.toString("latin1");
      if (/\nid: /.test(text)) stream.close();
    },
  });
  const leaving = setTimeout(() => stream.close(), ms);
  await stream.ended;
  clearTimeout(leaving);
  return /\nid: ([a-z0-9]{16})-r/.exec(text)?.[1] ?? null;
}
