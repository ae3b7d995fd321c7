import {
  type ListOptions,
  LOG_NAMES,
  type LogStat,
  type LogStore,
  type SessionKey,
} from "../../../src/ports/log-store.ts";
import { drain, lineOf } from "../bytes.ts";
import { codeOf, collect } from "../outcome.ts";
import type { Command, LogChoice } from "./commands.ts";
import { createIncarnations } from "./incarnations.ts";
import type { Incarnations } from "./incarnations.ts";

/** One of two stores that live through the same history. */
export interface Replica {
  /** The store as it is open now. */
  store: LogStore;
  readonly incarnations: Incarnations;
}

type CommandOf<K extends Command["kind"]> = Extract<Command, { readonly kind: K }>;

/** Names that are prefixes of each other; commands name them by index. */
const PROJECTS = ["p", "p-a", "pa"] as const;
const SESSIONS: readonly SessionKey[] = [
  { project: "p", session: "s" },
  { project: "p", session: "s-a" },
  { project: "p", session: "sa" },
  { project: "p-a", session: "s" },
  { project: "pa", session: "s" },
];

/** A replica that begins with an empty `store`. */
export function createReplica(store: LogStore): Replica {
  return { store, incarnations: createIncarnations() };
}

/** Does what `command` says; the answer holds nothing that may differ between two stores. */
export function run(replica: Replica, command: Command): Promise<unknown> {
  switch (command.kind) {
    case "create":
      return create(replica, keyOf(command.session));
    case "stat":
      return stat(replica, keyOf(command.session));
    case "delete":
      return replica.store.delete(keyOf(command.session));
    case "append":
      return append(replica, command);
    case "read":
      return read(replica, command);
    case "setHead":
      return named(replica, command, (key, logId) =>
        replica.store.setHead(key, logId, lineOf(command.size)),
      );
    case "setDocument":
      return named(replica, command, (key, logId) =>
        replica.store.setDocument(key, logId, lineOf(command.size)),
      );
    case "dropNote":
      return named(replica, command, (key, logId) =>
        replica.store.dropNote(key, logId, `note ${command.note}`),
      );
    case "markOpen":
      return named(replica, command, (key, logId) =>
        replica.store.markOpen(key, logId, `run ${command.run}`, command.data),
      );
    case "clearOpen":
      return named(replica, command, (key, logId) =>
        replica.store.clearOpen(key, logId, `run ${command.run}`),
      );
    case "list":
      return list(replica, command);
    default:
      // the marks, which are also what a start after a reopening asks for
      return openRuns(replica);
  }
}

/** Everything that can be asked of a store, for the end of a history. */
export async function everythingOf(replica: Replica): Promise<unknown> {
  const answers = [
    await run(replica, { kind: "list", limit: 6, project: undefined }),
    await run(replica, { kind: "openRuns" }),
  ];
  const whole = { kind: "read", choice: "current", start: undefined, end: undefined } as const;
  for (const session of SESSIONS.keys()) {
    answers.push(await run(replica, { kind: "stat", session }));
    for (const log of LOG_NAMES) answers.push(await run(replica, { ...whole, session, log }));
  }
  return answers;
}

async function create({ store, incarnations }: Replica, key: SessionKey): Promise<unknown> {
  const made = await store.create(key);
  incarnations.note(key, made.logId);
  return comparable(incarnations, key, made);
}

async function stat({ store, incarnations }: Replica, key: SessionKey): Promise<unknown> {
  const found = await store.stat(key);
  return found && comparable(incarnations, key, found);
}

async function append(
  { store, incarnations }: Replica,
  command: CommandOf<"append">,
): Promise<unknown> {
  const key = keyOf(command.session);
  const { log, fault } = command;
  const logId = incarnations.logIdOf(key, fault);
  let expectedEnd = (await store.stat(key))?.end[log] ?? 0;
  if (fault === "end") expectedEnd += 1;
  const outcomes = command.appends.map((sizes, place) => {
    const lines = sizes.map((size, i) => lineOf(size, expectedEnd + i));
    const number = command.notes[place] ?? null;
    const note = number === null ? {} : { note: { key: `note ${number}`, text: `${expectedEnd}` } };
    const outcome = valueOrCode(store.append(key, lines, { logId, expectedEnd, log, ...note }));
    for (const line of lines) expectedEnd += line.length;
    return outcome;
  });
  return Promise.all(outcomes);
}

async function read(
  { store, incarnations }: Replica,
  command: CommandOf<"read">,
): Promise<unknown> {
  const key = keyOf(command.session);
  const { log, choice, start, end } = command;
  const span = ((await store.stat(key))?.end[log] ?? 0) + 3;
  const bytes = store.read(key, {
    logId: incarnations.logIdOf(key, choice),
    log,
    ...(start !== undefined && { start: start % span }),
    ...(end !== undefined && { end: end % span }),
  });
  return valueOrCode(drain(bytes).then(checksum));
}

function named(
  { incarnations }: Replica,
  command: { readonly session: number; readonly choice: LogChoice },
  operation: (key: SessionKey, logId: string) => Promise<void>,
): Promise<unknown> {
  const key = keyOf(command.session);
  return codeOf(operation(key, incarnations.logIdOf(key, command.choice)));
}

async function list(
  { store, incarnations }: Replica,
  command: CommandOf<"list">,
): Promise<unknown> {
  const { limit } = command;
  const project = command.project === undefined ? undefined : PROJECTS[command.project];
  const names: string[] = [];
  let options: ListOptions | null = project === undefined ? { limit } : { limit, project };
  while (options !== null) {
    const page = await store.list(options);
    for (const item of page.items)
      names.push(`${item.project}/${item.session} ${incarnations.labelOf(item, item.logId)}`);
    options = page.next === null ? null : { ...options, after: page.next };
  }
  return names;
}

async function openRuns({ store, incarnations }: Replica): Promise<unknown> {
  const marks = await collect(store.openRuns());
  const answers = marks.map((mark) => {
    const { project, session, logId, runId, data } = mark;
    return JSON.stringify([project, session, incarnations.labelOf(mark, logId), runId, data]);
  });
  return answers.toSorted();
}

function comparable(incarnations: Incarnations, key: SessionKey, known: LogStat): unknown {
  const { logId, end, head, document, notes } = known;
  return {
    life: incarnations.labelOf(key, logId),
    end: { ...end },
    head: head && checksum(head),
    document: document && checksum(document),
    notes: notes.map(({ key: name, text, end: at }) => `${name} ${text} ${at}`).toSorted(),
  };
}

function keyOf(session: number): SessionKey {
  const key = SESSIONS[session];
  if (key === undefined) throw new Error(`There is no session ${session}`);
  return key;
}

async function valueOrCode<T>(operation: Promise<T>): Promise<T | string> {
  const code = await codeOf(operation);
  return code === "resolved" ? operation : code;
}

/** Length and FNV-1a of bytes: short in a failure's text, and different for different bytes. */
function checksum(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return `${bytes.length} bytes, ${hash.toString(16)}`;
}
