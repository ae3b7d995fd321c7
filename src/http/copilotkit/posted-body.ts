import { RunlogError } from "../../ports/errors.ts";
import { concatBytes } from "../../stream/bytes/concat.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import { type ByteBudget, createByteBudget } from "../../stream/sync/byte-budget.ts";
import { MAX_RUN_BODY } from "../read-body.ts";

/** Memory of bodies whose thread is not known yet, for the whole process. */
const HELD_BYTES = 64 * 1024 * 1024;

type Body = ReadableStream<Uint8Array<ArrayBuffer>>;

/** The bodies of requests whose JSON says what they are about. */
export interface PostedBodies {
  /** All of it. Throws `body-too-large`, `overloaded`; `release` is to be called. */
  readWhole(body: Body | null): Promise<HeldBody>;
  /** The thread that it names, null if it names none, and the body from its beginning. */
  readThread(body: Body | null): Promise<ThreadBody>;
}

interface HeldBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  release(): void;
}

interface ThreadBody {
  readonly threadId: string | null;
  readonly body: Body;
  /** Lets go of what is not read. Idempotent. */
  release(): void;
}

export function createPostedBodies(
  budget: ByteBudget = createByteBudget(HELD_BYTES),
): PostedBodies {
  /** Reads until `isEnough` or the end. */
  async function read(source: Body | null, isEnough: (piece: Uint8Array) => boolean) {
    const reader = source?.getReader() ?? null;
    const room = budget.lease();
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    const release = (): void => {
      room.release();
      reader?.cancel().catch(() => {
        // its sender has gone
      });
    };
    try {
      for (;;) {
        const next = await reader?.read().catch(() => {
          throw new RunlogError("invalid-input", "The body broke off or is damaged");
        });
        if (!next?.value) break;
        if (room.heldBytes + next.value.length > MAX_RUN_BODY)
          throw new RunlogError("body-too-large", "Request body too large", {
            limit: MAX_RUN_BODY,
          });
        if (!room.tryGrow(next.value.length))
          throw new RunlogError("overloaded", "Too many requests are waiting");
        pieces.push(next.value);
        if (isEnough(next.value)) break;
      }
    } catch (error) {
      release();
      throw error;
    }
    return { pieces, reader, release };
  }

  return {
    async readWhole(body) {
      const { pieces, release } = await read(body, () => false);
      return { bytes: concatBytes(pieces), release };
    },

    async readThread(body) {
      const scanner = new JsonObjectScanner(["threadId"]);
      const { pieces, reader, release } = await read(
        body,
        (piece) => !scanner.push(piece, 0, piece.length) || scanner.value("threadId") !== null,
      );
      const rest: Body = new ReadableStream(
        {
          async pull(controller) {
            const piece = pieces.shift() ?? (await reader?.read())?.value;
            if (piece) controller.enqueue(piece);
            else controller.close();
          },
          cancel: release,
        },
        { highWaterMark: 0 },
      );
      return { threadId: scanner.value("threadId"), body: rest, release };
    },
  };
}
