import { constants } from "node:fs";
import type { DiskIo } from "./io.ts";

/**
 * A file descriptor that opens when it is used and that several operations share. Letting it go
 * closes it once the last of them is through: a number closed too early may belong to another file
 * by the time that the kernel reads from it.
 */
export class SharedDescriptor {
  readonly #path: string;
  readonly #io: DiskIo;
  #current: { readonly fd: Promise<number>; uses: number; closing: (() => void) | null } | null =
    null;

  constructor(path: string, io: DiskIo) {
    this.#path = path;
    this.#io = io;
  }

  /** Whether a descriptor is open. */
  get isOpen(): boolean {
    return this.#current !== null;
  }

  /** Runs `operation` with the descriptor; the file is made if it is not there. */
  async use<T>(operation: (fd: number) => Promise<T>): Promise<T> {
    const current = (this.#current ??= {
      fd: this.#io.open(this.#path, constants.O_RDWR | constants.O_CREAT),
      uses: 0,
      closing: null,
    });
    current.uses++;
    try {
      return await operation(await current.fd);
    } catch (error) {
      // an open that failed is tried anew by the next use
      await current.fd.catch(() => {
        if (this.#current === current) this.#current = null;
      });
      throw error;
    } finally {
      current.uses--;
      if (current.uses === 0) current.closing?.();
    }
  }

  /** Closes the descriptor when its uses have ended; the next use opens another. */
  async release(): Promise<void> {
    const current = this.#current;
    this.#current = null;
    if (!current) return;
    if (current.uses > 0) await new Promise<void>((resolve) => (current.closing = resolve));
    await current.fd
      .then((fd) => this.#io.close(fd))
      .catch(() => {
        // nothing was opened, or nothing more can be done for it
      });
  }
}
