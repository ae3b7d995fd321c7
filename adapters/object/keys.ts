import { labelOf } from "../../src/stream/text/dns-label.ts";
import type { LogName, OpenRunMark, SessionKey } from "../../src/ports/log-store.ts";

const NUMBER_DIGITS = 16;
const EPOCH_DIGITS = 8;
const MAX_EPOCH = 99_999_999;
/** After every character that a key of ours has: a listing after `<name>~` leaves out `<name>…`. */
const AFTER = "~";

/** The value of a session that is replaced as a whole. */
export type ValueName = "head" | "document" | "notes";

/** Which version of a value: the newest is that of the highest epoch, then of the highest number. */
export interface ValueVersion {
  readonly epoch: number;
  readonly number: number;
}

/** An incarnation of a session. */
export interface IncarnationName extends SessionKey {
  readonly epoch: number;
  readonly logId: string;
}

/** The same as its key says it: by the label of the session's name. */
export interface IncarnationLabel {
  readonly project: string;
  readonly label: string;
  readonly epoch: number;
  readonly logId: string;
}

/** The keys of everything that a store keeps, see `index.ts` for what each is. */
export interface Keys {
  readonly format: string;
  /** Written now and then, to see whether anything can be. */
  readonly probe: string;
  /** Objects on which the bucket is tried; `id` keeps those of servers apart that start at once. */
  trial(id: string, name: string): string;
  readonly incarnations: string;
  readonly marks: string;
  /** `!` comes before `-`, so that the order of the keys is that of the names. */
  incarnationsOf(project: string, label?: string): string;
  incarnation(incarnation: IncarnationName): string;
  parseIncarnation(key: string): IncarnationLabel | null;
  leasesOf(key: SessionKey): string;
  lease(key: SessionKey, epoch: number): string;
  parseEpoch(leaseKey: string): number;
  owner(ownerId: string): string;
  marksOf(key: SessionKey): string;
  mark(mark: Omit<OpenRunMark, "data">, hash: string): string;
  /** The body of a run that waits. */
  runBody(mark: Omit<OpenRunMark, "data">, hash: string): string;
  /** Everything of one incarnation but its name and its marks. */
  incarnationFolder(key: SessionKey, logId: string): string;
  logFolder(key: SessionKey, logId: string, log: LogName): string;
  valuesFolder(key: SessionKey, logId: string): string;
  /** The same of a session of which the label alone is known. */
  valuesFolderOf(incarnation: Omit<IncarnationLabel, "epoch">): string;
  value(key: SessionKey, logId: string, name: ValueName, version: ValueVersion): string;
  parseValue(key: string): (ValueVersion & { readonly name: ValueName }) | null;
}

/** `prefix` is "" or ends with a slash. */
export function createKeys(prefix: string): Keys {
  const incarnations = `${prefix}lives/`;
  const leases = `${prefix}leases/`;
  const marks = `${prefix}marks/`;
  const folderOf = (project: string, label: string, logId: string): string =>
    `${prefix}logs/${project}/${label}/${logId}/`;
  const incarnationFolder = ({ project, session }: SessionKey, logId: string): string =>
    folderOf(project, labelOf(session), logId);
  const valuesFolder = (key: SessionKey, logId: string): string =>
    `${incarnationFolder(key, logId)}values/`;
  /** How the keys of a session begin where those of all lie side by side. */
  const nameOf = ({ project, session }: SessionKey): string => `${project}!${labelOf(session)}!`;

  return {
    format: `${prefix}runlog.json`,
    probe: `${prefix}trials/write`,
    trial: (id, name) => `${prefix}trials/${id}/${name}`,
    incarnations,
    marks,
    incarnationsOf: (project, label) =>
      `${incarnations}${project}!${label === undefined ? "" : `${label}!`}`,
    incarnation: ({ epoch, logId, ...key }) =>
      `${incarnations}${nameOf(key)}${padded(epoch, EPOCH_DIGITS)}!${logId}`,
    parseIncarnation(key) {
      const [project, label, epoch, logId] = key.slice(incarnations.length).split("!");
      return project === undefined || label === undefined || !epoch || !logId
        ? null
        : { project, label, epoch: Number(epoch), logId };
    },
    leasesOf: (key) => `${leases}${nameOf(key)}`,
    lease: (key, epoch) => `${leases}${nameOf(key)}${padded(MAX_EPOCH - epoch, EPOCH_DIGITS)}`,
    parseEpoch: (leaseKey) => MAX_EPOCH - Number(leaseKey.slice(-EPOCH_DIGITS)),
    owner: (ownerId) => `${prefix}owners/${ownerId}`,
    marksOf: (key) => `${marks}${nameOf(key)}`,
    mark: ({ logId, ...key }, hash) => `${marks}${nameOf(key)}${logId}!${hash}`,
    runBody: (run, hash) => `${incarnationFolder(run, run.logId)}bodies/${hash}`,
    incarnationFolder,
    logFolder: (key, logId, log) => `${incarnationFolder(key, logId)}${log}/`,
    valuesFolder,
    valuesFolderOf: ({ project, label, logId }) => `${folderOf(project, label, logId)}values/`,
    value: (key, logId, name, { epoch, number }) =>
      `${valuesFolder(key, logId)}${name}!${padded(MAX_EPOCH - epoch, EPOCH_DIGITS)}!${inverted(number)}`,
    parseValue(key) {
      const [name, epoch, number] = key.slice(key.lastIndexOf("/") + 1).split("!");
      if (name !== "head" && name !== "document" && name !== "notes") return null;
      return {
        name,
        epoch: MAX_EPOCH - Number(epoch),
        number: Number.MAX_SAFE_INTEGER - Number(number),
      };
    },
  };
}

/** A piece of a log: the bytes from `start` up to `end`, which may be none (see `log-end.ts`). */
export interface Segment {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  /** Whether it was made of others, so that it fences no writer. */
  readonly merged: boolean;
}

/** Where an append at `start` goes: every writer that believes the log to end there meets here. */
export function appendedKey(folder: string, start: number): string {
  return `${folder}${inverted(start)}`;
}

/** Where the bytes from `start` to `end` go when they are put together. */
export function mergedKey(folder: string, start: number, end: number): string {
  return `${folder}${inverted(start)}-${padded(end, NUMBER_DIGITS)}`;
}

/** The segment in a listed key of a log's folder, or null for a key of another kind. */
export function parseSegment(key: string, size: number): Segment | null {
  const match = /([0-9]{16})(-[0-9]{16})?$/.exec(key);
  if (match === null) return null;
  const start = Number.MAX_SAFE_INTEGER - Number(match[1]);
  return { key, start, end: start + size, merged: match[2] !== undefined };
}

/** A listing of the folder after this begins with the segment of the highest start before `end`. */
export function behindSegmentsFrom(folder: string, end: number): string {
  return `${folder}${inverted(end)}${AFTER}`;
}

/** A listing after this begins after everything of the session that `incarnationsOf` is the key of. */
export function behindAll(prefix: string): string {
  return `${prefix}${AFTER}`;
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}

/** The higher the number, the earlier it comes in a listing. */
function inverted(value: number): string {
  return padded(Number.MAX_SAFE_INTEGER - value, NUMBER_DIGITS);
}
