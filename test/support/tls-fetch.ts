import { onTestFinished } from "vitest";
import { Agent, fetch } from "undici";

type Fetch = (path: string, init?: RequestInit) => Promise<Response>;

interface TlsFetchOptions {
  /** The certificate that is trusted, PEM. */
  readonly ca: string;
  /** Whose it is. Default: the host of the URL. */
  readonly servername?: string;
  readonly allowH2: boolean;
}

/** Requests to `url` over TLS; ends with the test. */
export function fetchOver(url: string, { allowH2, ...connect }: TlsFetchOptions): Fetch {
  const dispatcher = new Agent({ allowH2, connect });
  onTestFinished(() => dispatcher.destroy());
  type Init = Parameters<typeof fetch>[1];
  // undici's types of the same classes as those of Node
  return async (path, init) =>
    (await fetch(`${url}${path}`, {
      ...(init as Init),
      dispatcher,
    })) as unknown as Response;
}
