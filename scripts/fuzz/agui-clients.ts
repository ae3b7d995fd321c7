import { createRequire } from "node:module";

/** One published generation of `@ag-ui/client`. */
export interface FuzzClient {
  readonly version: string;
  /** Takes the body of an event stream; rejects when the client does. */
  follow(body: string): Promise<void>;
}

interface ClientModule {
  readonly HttpAgent: new (config: { readonly url: string }) => {
    runAgent(input: object): Promise<unknown>;
  };
}

const require = createRequire(import.meta.url);

/** What every generation is, oldest first. */
export const FUZZ_CLIENTS: readonly FuzzClient[] = [
  ["0.0.46", "ag-ui-client-0.0.46"],
  ["0.0.52", "ag-ui-client-0.0.52"],
  ["0.0.57", "ag-ui-client-0.0.57"],
  ["0.0.58", "ag-ui-client-0.0.58"],
  ["0.0.59", "ag-ui-client-0.0.59"],
  ["1.0.0", "@ag-ui/client"],
].map(([version = "", name = ""]) => ({
  version,
  async follow(body) {
    const { HttpAgent }: ClientModule = require(name);
    const url = `data:text/event-stream;base64,${Buffer.from(body).toString("base64")}`;
    await quietly(() => new HttpAgent({ url }).runAgent({}));
  },
}));

/** Clients say what they think of a stream, for each event of it. */
async function quietly(work: () => Promise<unknown>): Promise<void> {
  const { error, warn } = console;
  console.error = console.warn = () => {};
  try {
    await work();
  } finally {
    Object.assign(console, { error, warn });
  }
}
