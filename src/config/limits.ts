import { count, duration, SERVERS, type Setting, setting, size } from "./setting.ts";
import { readDiskBytes, readInteger } from "./values.ts";

const MIB = 1024 * 1024;
const MAX_COUNT = 1_000_000;

/** How much of everything there may be. */
export interface LimitSettings {
  readonly maxEventBytes: Setting<number>;
  readonly writeDeadline: Setting<number>;
  readonly runQueue: Setting<number>;
  readonly sessionIdle: Setting<number>;
  readonly maxStreams: Setting<number>;
  readonly maxSessionStreams: Setting<number>;
  readonly maxConnections: Setting<number>;
  readonly replayBytes: Setting<number>;
  readonly diskQuota: Setting<number | null>;
  readonly callerRequests: Setting<number | null>;
  readonly callerRuns: Setting<number | null>;
  readonly callerStreams: Setting<number | null>;
}

/** A quota of each caller, which this process counts: off unless it is set. */
const quota = (name: string, meaning: string): Setting<number | null> =>
  setting<number | null>(name, null, (text) => readInteger(text, MAX_COUNT) || null, {
    shown: "off",
    meaning: `${meaning} of one caller, for each process`,
    form: `a number from 1 to ${MAX_COUNT}`,
    group: "Limits",
  });

export const LIMIT_SETTINGS: LimitSettings = {
  maxEventBytes: size("RUNLOG_MAX_EVENT_BYTES", 64 * MIB, {
    shown: "64MiB",
    meaning: "larger events are replaced by a note",
    group: "Limits",
    entries: SERVERS,
  }),
  writeDeadline: duration("RUNLOG_WRITE_DEADLINE", 30_000, {
    shown: "30s",
    meaning: "how long a client may take over one chunk",
    group: "Limits",
    entries: SERVERS,
  }),
  runQueue: count("RUNLOG_RUN_QUEUE", 1_000, {
    shown: "8",
    meaning: "runs of a session that wait behind the active one",
    group: "Limits",
    entries: SERVERS,
  }),
  sessionIdle: duration("RUNLOG_SESSION_IDLE", 600_000, {
    shown: "10m",
    meaning: "how long the state of an unused session is kept",
    group: "Limits",
    entries: SERVERS,
  }),
  maxStreams: count("RUNLOG_MAX_STREAMS", MAX_COUNT, {
    shown: "10000",
    meaning: "streams open at once",
    group: "Limits",
    entries: SERVERS,
  }),
  maxSessionStreams: count("RUNLOG_MAX_SESSION_STREAMS", MAX_COUNT, {
    shown: "2000",
    meaning: "streams of one session open at once",
    group: "Limits",
    entries: SERVERS,
  }),
  maxConnections: count("RUNLOG_MAX_CONNECTIONS", MAX_COUNT, {
    shown: "12000",
    meaning: "connections open at once; more are closed unanswered",
    group: "Limits",
  }),
  replayBytes: size("RUNLOG_REPLAY_BYTES", 64 * MIB, {
    shown: "64MiB",
    meaning: "memory of all replays; with less left they read in smaller pieces",
    group: "Limits",
    entries: SERVERS,
  }),
  diskQuota: setting<number | null>("RUNLOG_DISK_QUOTA", null, readDiskBytes, {
    shown: "",
    meaning:
      "with file:<dir>: where the directory holds so much no run begins (507); nothing is removed",
    form: "a size such as 100GiB",
    group: "Limits",
  }),
  callerRequests: quota("RUNLOG_CALLER_REQUESTS", "requests in a minute"),
  callerRuns: quota("RUNLOG_CALLER_RUNS", "runs that are posted in an hour"),
  callerStreams: quota("RUNLOG_CALLER_STREAMS", "streams open at once"),
};
