import * as fs from "node:fs";
import { promisify } from "node:util";

/**
 * The system calls on the files of a log, by descriptor. A seam for tests: a full or broken device
 * cannot be had on demand, so they put faults here. Everything else uses `node:fs` directly.
 */
export interface DiskIo {
  open(path: string, flags: number): Promise<number>;
  /** Writes at `position`; resolves with the bytes written, which may be fewer. */
  writev(fd: number, buffers: Uint8Array[], position: number): Promise<number>;
  /** Writes a few bytes at `position`, and returns when the kernel has them: their number, which may be smaller. */
  writeNow(fd: number, bytes: Uint8Array, position: number): number;
  /** Fills `buffer` from `position`; resolves with the bytes read, which may be fewer. */
  read(fd: number, buffer: Uint8Array, position: number): Promise<number>;
  datasync(fd: number): Promise<void>;
  truncate(fd: number, length: number): Promise<void>;
  size(fd: number): Promise<number>;
  close(fd: number): Promise<void>;
}

const open = promisify(fs.open);
const datasync = promisify(fs.fdatasync);
const truncate = promisify(fs.ftruncate);
const fstat = promisify(fs.fstat);
const close = promisify(fs.close);

export const nodeIo: DiskIo = {
  open: (path, flags) => open(path, flags, 0o640),
  writev: (fd, buffers, position) =>
    new Promise((resolve, reject) => {
      fs.writev(fd, buffers, position, (error, written) => {
        if (error) reject(error);
        else resolve(written);
      });
    }),
  writeNow: (fd, bytes, position) => fs.writeSync(fd, bytes, 0, bytes.length, position),
  read: (fd, buffer, position) =>
    new Promise((resolve, reject) => {
      fs.read(fd, buffer, 0, buffer.length, position, (error, bytes) => {
        if (error) reject(error);
        else resolve(bytes);
      });
    }),
  datasync: (fd) => datasync(fd),
  truncate: (fd, length) => truncate(fd, length),
  size: async (fd) => (await fstat(fd)).size,
  close: (fd) => close(fd),
};
