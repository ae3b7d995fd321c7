import type { LogStore } from "../../src/ports/log-store.ts";

/** The same store, whose reads come in chunks of at most `bytes`. */
export function withSmallReads(store: LogStore, bytes: number): LogStore {
  return {
    ...store,
    read(key, options) {
      const reader = store.read(key, options).getReader({ mode: "byob" });
      return new ReadableStream(
        {
          type: "bytes",
          async pull(controller) {
            const { value, done } = await reader.read(new Uint8Array(bytes));
            if (done) controller.close();
            else controller.enqueue(value);
            if (done) controller.byobRequest?.respond(0);
          },
          cancel: (reason) => reader.cancel(reason),
        },
        { highWaterMark: 0 },
      );
    },
  };
}
