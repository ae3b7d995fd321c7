import { RunlogError } from "../../src/ports/errors.ts";
import type { ObjectBody, ObjectBucket, PutOptions } from "../../src/ports/object-bucket.ts";

/**
 * What goes wrong with a call. `busy`: refused. `lost`: no answer, and nothing done; `landed`: no
 * answer, but done; `late`: no answer, and done some calls later. `cut` and `reset`: of a body only
 * the first half comes, and then it ends or breaks.
 */
export type Fault = "none" | "busy" | "lost" | "landed" | "late" | "cut" | "reset";

type Call = keyof ObjectBucket;

/** Calls after which something that was late happens. */
const LATE_CALLS = 3;

/** `bucket` with the faults that `next` gives, one a call. */
export function createFaultyBucket(
  bucket: ObjectBucket,
  next: (call: Call, key: string) => Fault,
): ObjectBucket {
  const late: { after: number; readonly call: () => Promise<unknown> }[] = [];

  async function passTime(): Promise<void> {
    for (const waiting of late) waiting.after--;
    while (late[0] && late[0].after <= 0) await late.shift()?.call();
  }

  async function run<T>(name: Call, key: string, call: () => Promise<T>): Promise<T> {
    await passTime();
    switch (next(name, key)) {
      case "busy":
        throw new RunlogError("store-busy", "injected: busy");
      case "lost":
        throw unanswered();
      case "landed":
        await call();
        throw unanswered();
      case "late":
        late.push({ after: LATE_CALLS, call });
        throw unanswered();
      default:
        return call();
    }
  }

  return {
    async get(key, options) {
      await passTime();
      const fault = next("get", key);
      if (fault === "busy") throw new RunlogError("store-busy", "injected: busy");
      if (fault === "lost" || fault === "landed" || fault === "late") throw unanswered();
      const found = await bucket.get(key, options);
      return found && (fault === "none" ? found : broken(found, fault));
    },
    head: (key, options) => run("head", key, () => bucket.head(key, options)),
    // a call that comes late takes none of the signals with it that gave it up
    // without its signal: what was begun goes on
    put: (key, bytes, options) => run("put", key, () => bucket.put(key, bytes, aboutOf(options))),
    putIfAbsent: (key, bytes, options) =>
      run("putIfAbsent", key, () => bucket.putIfAbsent(key, bytes, aboutOf(options))),
    list: (options) => run("list", options.prefix, () => bucket.list(options)),
    delete: (keys, options) => run("delete", keys[0] ?? "", () => bucket.delete(keys, options)),
    abortUploads: (prefix) => run("abortUploads", prefix, () => bucket.abortUploads(prefix)),
    multipart: (key, options) => run("multipart", key, () => bucket.multipart(key, options)),
  };
}

function unanswered(): RunlogError {
  return new RunlogError("store-unanswered", "injected: no answer");
}

/** The body with its first half only. */
function broken(found: ObjectBody, fault: "cut" | "reset"): ObjectBody {
  const reader = found.bytes.getReader();
  let left = Math.floor(found.size / 2);
  const bytes = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (!done && left > 0) {
          controller.enqueue(value.slice(0, left));
          left -= value.length;
        } else if (fault === "cut") controller.close();
        else controller.error(unanswered());
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return { ...found, bytes };
}

function aboutOf({ tag = "", notes = "" }: PutOptions = {}): PutOptions {
  return { tag, ...(notes && { notes }) };
}
