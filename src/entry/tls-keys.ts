import { readFile } from "node:fs/promises";
import { createSecureContext, type Server } from "node:tls";
import type { TlsConfig } from "../config/tls.ts";
import type { Logger } from "../ports/logger.ts";
import { UsageError } from "./exit.ts";

/** A certificate, with those that it was signed by, and its key: PEM texts. */
interface TlsKeys {
  readonly cert: string;
  readonly key: string;
}

/** The keys of a server, and how it gets those that come after them. */
export interface Tls {
  readonly keys: TlsKeys;
  /**
   * Gives `server` the keys anew when the files have changed, until it is closed: connections that are open keep
   * theirs. Files that do not fit, as while they are being replaced, change nothing, and are logged.
   */
  follow(server: Pick<Server, "setSecureContext" | "once">): void;
}

/** How often in ms the files are looked at. */
const LOOK_MS = 5_000;

/** Reads the certificate and its key. Throws UsageError where they cannot be read, or do not belong together. */
export async function openTls(files: TlsConfig, logger: Logger): Promise<Tls> {
  const keys = await readKeys(files);
  return {
    keys,
    follow(server) {
      let current = keys;
      let problem = "";
      const look = async (): Promise<void> => {
        try {
          const read = await readKeys(files);
          problem = "";
          if (read.cert === current.cert && read.key === current.key) return;
          server.setSecureContext(read);
          current = read;
          logger.info("tls-keys-changed", { certFile: files.certFile });
        } catch (error) {
          if (String(error) !== problem) logger.warn("tls-keys-not-read", { error });
          problem = String(error);
        }
      };
      const timer = setInterval(() => void look(), LOOK_MS).unref();
      server.once("close", () => clearInterval(timer));
    },
  };
}

async function readKeys({ certFile, keyFile }: TlsConfig): Promise<TlsKeys> {
  const cert = await readNamed("RUNLOG_TLS_CERT", certFile);
  const key = await readNamed("RUNLOG_TLS_KEY", keyFile);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `RUNLOG_TLS_CERT, ${certFile}, and RUNLOG_TLS_KEY, ${keyFile}, are no certificate and its key: ${reason}`,
    );
  }
  return { cert, key };
}

async function readNamed(setting: string, path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${setting} cannot be read: ${reason}`);
  });
}
