import { readDuration, readInteger, readUrl } from "../../config/values.ts";
import { explain } from "../explain.ts";
import { EXIT, type ExitCode, UsageError } from "../exit.ts";
import { outliveOutput, say } from "../process.ts";
import { type RelayConfig, type RunningRelay, startRelay } from "../relay-server.ts";
import { onStopSignals } from "../stop-signals.ts";
import { version } from "../version.ts";
import { parseArgs } from "./arguments.ts";
import type { Command } from "./command.ts";
import { bytesText } from "./units.ts";

const OPTIONS = {
  agent: { type: "string" },
  port: { type: "string", default: "8001" },
  host: { type: "string", default: "127.0.0.1" },
  dir: { type: "string" },
  bytes: { type: "string", default: "256m" },
  drain: { type: "string", default: "20s" },
} as const;

const MAX_PORT = 65_535;
const MIB = 1024 * 1024;

/** `runlog relay`. */
export const relayCommand: Command = {
  name: "relay",
  summary: "stand before an agent, so that its runs survive",
  help: `Usage: runlog relay --agent <url> [options]

Stands between a server and an agent that speaks AG-UI, and keeps what the agent sends until the
server has stored it: neither a restart of the server nor a broken connection ends a run, and
the agent notices none of them. Everything else passes through. It belongs beside the agent, in the
same pod. Only --dir outlives a crash of the relay.

  --agent <url>     where runs are posted to the agent
  --port <number>   where to listen (default 8001)
  --host <address>  on which address (default 127.0.0.1; in a pod 0.0.0.0)
  --dir <path>      keep the spool in this directory (default: in memory)
  --bytes <size>    most that is kept: 256m, 1g (default 256m); then the agent has to wait
  --drain <time>    how long open runs may go on after a stop signal (default 20s)

  RUNLOG_RELAY_TOKEN_FILE  file with the token that callers have to send as
                           X-Ambient-Session-Token; read again when it changes
`,
  async run(args) {
    const { values } = parseArgs({ args: [...args], options: OPTIONS });
    if (values.agent === undefined)
      throw new UsageError("Say where the agent is: --agent http://127.0.0.1:9000/");
    const config: RelayConfig = {
      agent: readOption("--agent", values.agent, "an http URL", readUrl),
      port: readOption("--port", values.port, "a port", (text) => readInteger(text, MAX_PORT)),
      host: values.host,
      dir: values.dir ?? null,
      maxBytes: readOption(
        "--bytes",
        values.bytes,
        "a size of 1m at least, such as 256m",
        readSize,
      ),
      tokenFile: process.env["RUNLOG_RELAY_TOKEN_FILE"] || null,
    };
    return serve(config, readOption("--drain", values.drain, "a time such as 20s", readDuration));
  },
};

/** Ends with the process. */
async function serve(config: RelayConfig, drainMs: number): Promise<ExitCode> {
  outliveOutput();
  let relay: RunningRelay | null = null;
  onStopSignals(async () => {
    if (relay) process.exit(await stop(relay, drainMs));
    say("stopped before it listened");
    process.exit(EXIT.done);
  });
  relay = await startRelay(config).catch((error: unknown) => {
    throw withAdvice(error);
  });
  const { agent, dir, maxBytes } = config;
  process.stdout.write(
    `runlog ${version()} relay listens on ${relay.url}\n  agent: ${agent}\n  spool: ${dir ?? "memory"}, at most ${bytesText(maxBytes)}\n`,
  );
  return new Promise(() => {});
}

async function stop(relay: RunningRelay, drainMs: number): Promise<ExitCode> {
  say("stopping once runs have ended; again to stop now");
  try {
    await relay.close(drainMs);
    return EXIT.done;
  } catch (error) {
    say(explain(error));
    return EXIT.failed;
  }
}

function readOption<T>(
  name: string,
  text: string,
  form: string,
  read: (text: string) => T | null,
): T {
  const value = read(text);
  if (value === null) throw new UsageError(`${name} is ${form}, not "${text}"`);
  return value;
}

/** The system's errors, and which option is about them. */
function withAdvice(error: unknown): unknown {
  const isAddress =
    error instanceof Error &&
    "syscall" in error &&
    /^(listen|getaddrinfo)$/.test(String(error.syscall));
  return isAddress ? new Error(`${error.message}: --port and --host name another address`) : error;
}

function readSize(text: string): number | null {
  const [, number, unit = ""] = /^(\d{1,9})([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  if (number === undefined) return null;
  const bytes = Number(number) * 1024 ** ["", "k", "m", "g", "t"].indexOf(unit.toLowerCase());
  return bytes >= MIB && Number.isSafeInteger(bytes) ? bytes : null;
}
