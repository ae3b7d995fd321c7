import { isLabel } from "../ports/label.ts";
import { isNetwork } from "./network.ts";

const MIB = 1024 * 1024;

export function oneOf<T extends string>(...words: readonly T[]): (text: string) => T | null {
  return (text) => words.find((word) => word === text) ?? null;
}

export function readUrl(text: string): string | null {
  const url = URL.parse(text);
  return url && /^https?:$/.test(url.protocol) && url.username === "" ? text : null;
}

/** Without a path, a query or a slash at its end. */
export function readBaseUrl(text: string): string | null {
  const origin = readUrl(text) === null ? null : URL.parse(text)?.origin;
  return origin && (text === origin || text === `${origin}/`) ? origin : null;
}

export function readRunnerUrl(text: string): string | null {
  try {
    // the braces of the template are no part of a host name that a URL parser accepts
    const url = new URL(text.replace(/\{(session|project)\}/g, "x"));
    return /^https?:$/.test(url.protocol) && url.username === "" ? text : null;
  } catch {
    return null;
  }
}

export function readList(text: string): readonly string[] | null {
  const items = text.split(",").map((item) => item.trim());
  return items.includes("") ? null : items;
}

/** Names or addresses of hosts, no ports and no patterns. */
export function readHosts(text: string): readonly string[] | null {
  const hosts = readList(text);
  const isHost = (host: string): boolean =>
    /^[a-z0-9._-]+$/i.test(host) || isNetwork(host.replace(/^\[(.*)\]$/, "$1"));
  return hosts?.every((host) => isHost(host) && !host.includes("/")) ? hosts : null;
}

/** Headers of the connection, or that runlog itself sends to runners. */
const NOT_FORWARDED =
  /^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-.*|accept|accept-encoding|proxy-.*|x-current-user-.*|x-caller-token|x-ambient-session-token|x-runlog-.*)$/;

/** Names of headers, in lower case, as far as a runner can be given them. */
export function readForwarded(text: string): readonly string[] | null {
  const names = readList(text.toLowerCase());
  const isForwarded = (name: string): boolean =>
    /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) && !NOT_FORWARDED.test(name);
  return names?.every(isForwarded) ? names : null;
}

export function readNetworks(text: string): readonly string[] | null {
  const items = readList(text);
  return items?.every(isNetwork) ? items : null;
}

export function readProject(text: string): string | null {
  return isLabel(text) ? text : null;
}

export function readFlag(text: string): boolean | null {
  return text === "1" ? true : text === "0" ? false : null;
}

export function readInteger(text: string, max: number): number | null {
  return /^\d+$/.test(text) && Number(text) <= max ? Number(text) : null;
}

/** Origins as a browser writes them. No `*`: every caller's origin is named. */
export function readOrigins(text: string): string[] | null {
  const origins = text.split(",").map((origin) => origin.trim());
  const isOrigin = (origin: string): boolean =>
    URL.canParse(origin) && /^https?:/.test(origin) && new URL(origin).origin === origin;
  return origins.every(isOrigin) ? origins : null;
}

export function readBytes(text: string): number | null {
  const bytes = readDiskBytes(text);
  return bytes !== null && bytes <= 1024 * MIB ? bytes : null;
}

/** Bytes on a disk: from 1 KiB on. */
export function readDiskBytes(text: string): number | null {
  const [, number, unit = ""] = /^(\d{1,15})(|[KMGT]i?B?)$/.exec(text) ?? [];
  if (number === undefined) return null;
  const bytes = Number(number) * 1024 ** ["", "K", "M", "G", "T"].indexOf(unit.slice(0, 1));
  return bytes >= 1024 && Number.isSafeInteger(bytes) ? bytes : null;
}

export function readDuration(text: string): number | null {
  const [, number, unit = "s"] = /^(\d+)(ms|s|m|h)?$/.exec(text) ?? [];
  if (number === undefined) return null;
  const ms = Number(number) * ({ ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit] ?? 1000);
  return ms >= 100 && ms <= 86_400_000 ? ms : null;
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
