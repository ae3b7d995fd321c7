import {
  createSessionClient,
  SessionClientError,
  type SessionClient,
} from "../../../client/index.ts";
import type { SessionKey } from "../../../ports/log-store.ts";
import { closest } from "../../closest.ts";
import { UsageError } from "../../exit.ts";
import { say } from "../../process.ts";
import { visible } from "../../terminal/visible.ts";
import { createWaiting } from "../../waiting.ts";
import { authorizationOf } from "../bearer-token.ts";
import { readKey } from "../selection.ts";
import { reasonOf, serverUrl } from "../server-url.ts";

/** The options of every command that looks at a server. */
export const SERVER_OPTIONS = {
  server: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

/** How the server is chosen, for the help texts. */
export const SERVER_HELP = `  --server <url>  the server (default RUNLOG_SERVER, else http://127.0.0.1:8080)

  RUNLOG_TOKEN    is sent as bearer token
`;

/** The server that a command asks. */
export interface LookedAt {
  /** Its address, without a slash at its end. */
  readonly url: string;
  /** The sessions of a project there; `patienceMs` as that of a client, by default for ever. */
  project(name: string, patienceMs?: number): SessionClient;
  /** Does what asks the server. Rejects with what is wrong, where, and what to do; reports a server that takes its time. */
  ask<T>(about: About, work: () => Promise<T>): Promise<T>;
}

/** What is asked for: a session, or with null the sessions of a project. */
interface About {
  readonly project: string;
  readonly session: string | null;
}

const DEFAULT_URL = "http://127.0.0.1:8080";
/** Names that are looked at for one that was meant. */
const MOST_NAMES = 100;
const SHOWN_NAMES = 3;

/** The server that `--server` or `RUNLOG_SERVER` names. Throws UsageError. */
export function serverOf(given: string | undefined, env: NodeJS.ProcessEnv): LookedAt {
  const url = urlOf(given, env);
  const token = env["RUNLOG_TOKEN"] ?? "";
  const headers = { ...authorizationOf(token) };
  const project = (name: string, patienceMs = Number.POSITIVE_INFINITY): SessionClient =>
    createSessionClient({
      url: `${url}/api/projects/${encodeURIComponent(name)}/agentic-sessions`,
      headers,
      patienceMs,
      fetch: fetchAloud(url),
    });
  return {
    url,
    project,
    async ask(about, work) {
      try {
        return await work();
      } catch (error) {
        if (error instanceof SessionClientError)
          throw await refusal(error, { url, about, client: project(about.project), token });
        throw isBreak(error)
          ? new Error(`The answer of ${url} broke off`, { cause: error })
          : error;
      }
    },
  };
}

function urlOf(given: string | undefined, env: NodeJS.ProcessEnv): string {
  const [name, text] =
    given === undefined
      ? ["RUNLOG_SERVER", env["RUNLOG_SERVER"] || DEFAULT_URL]
      : ["--server", given];
  return serverUrl(name, text);
}

/** Tells of a server that is away after it was there, and of its return. */
function fetchAloud(url: string): typeof fetch {
  let wasThere = false;
  let isAway = false;
  const waiting = createWaiting(say);
  return async (...args) => {
    waiting.begin(`the server at ${url}`);
    try {
      const response = await fetch(...args);
      if (isAway) say(`${url} answers again`);
      wasThere = true;
      isAway = false;
      return response;
    } catch (error) {
      const isLeaving = args[1]?.signal?.aborted ?? false;
      if (wasThere && !isAway && !isLeaving) {
        say(`${url} cannot be reached (${reasonOf(error)}); it is tried on`);
        isAway = true;
      }
      throw error;
    } finally {
      waiting.end();
    }
  };
}

/** Whether it is what `fetch` says of an answer that ended within its body. */
function isBreak(error: unknown): boolean {
  return error instanceof TypeError && error.message === "terminated";
}

interface Asked {
  readonly url: string;
  readonly about: About;
  readonly client: SessionClient;
  readonly token: string;
}

/** The error for people. What the server says is its own, and not to be believed by a terminal. */
async function refusal(error: SessionClientError, asked: Asked): Promise<Error> {
  const { url, about, client, token } = asked;
  const { status, code } = error;
  const text = visible(error.message);
  const of = (message: string): Error => new Error(message, { cause: error });
  if (status === null && code !== "not-json")
    return of(
      `The server at ${url} cannot be reached (${reasonOf(error.cause ?? error)}): is it running? "runlog serve" starts one, --server or RUNLOG_SERVER names another`,
    );
  if (code === "not-json" || code === `http-${status}`)
    return of(
      `What answers at ${url} is no runlog server (HTTP ${status}): --server or RUNLOG_SERVER is the URL of one`,
    );
  if (status === 401)
    return of(
      token === ""
        ? `${text}: the server at ${url} asks for a token; set RUNLOG_TOKEN`
        : `${text}: the server at ${url} does not take the token in RUNLOG_TOKEN`,
    );
  if (status === 403)
    return of(`${text}: the caller of RUNLOG_TOKEN may not do this in ${about.project} at ${url}`);
  if (code === "session-not-found" && about.session !== null)
    return of(
      `There is no session ${about.project}/${about.session} at ${url}.${await suggestion(client, about.project, about.session)}`,
    );
  return of(`${text} (${url})`);
}

/** Which session may have been meant, or which ones there are. */
async function suggestion(client: SessionClient, project: string, name: string): Promise<string> {
  const page = await client.list({ limit: MOST_NAMES }).catch(() => null);
  if (!page) return "";
  const names = page.items.map(({ metadata }) => metadata.name);
  const meant = closest(name, names);
  if (meant !== null) return ` Did you mean ${project}/${visible(meant)}?`;
  if (names.length === 0) return ` Project ${project} has no sessions`;
  const some = names.slice(0, SHOWN_NAMES).map((each) => `${project}/${visible(each)}`);
  return ` There are ${some.join(", ")}${names.length > SHOWN_NAMES ? ", …" : ""}: runlog ls ${project}`;
}

/** The one session that a command is for. Throws UsageError. */
export function oneSession(command: string, names: readonly string[]): SessionKey {
  const [name, ...more] = names;
  if (name === undefined || more.length > 0)
    throw new UsageError(`Name one session: runlog ${command} <project>/<session>`);
  return readKey(name);
}
