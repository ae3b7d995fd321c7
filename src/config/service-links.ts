import { isNetwork } from "./network.ts";

/**
 * The variables that a kubelet sets for the Services of a pod's namespace: by the end of the name,
 * with the form of the value. A Service named `runlog` sets `RUNLOG_PORT=tcp://10.96.0.7:8080` and
 * six more, `runlog-api` the same after `RUNLOG_API`, and each named port one of its own.
 */
const FORMS: readonly (readonly [name: RegExp, isValue: (text: string) => boolean])[] = [
  [/_SERVICE_HOST$/, isAddress],
  [/_SERVICE_PORT(?:_[A-Z0-9_]+)?$/, isPort],
  [/_PORT$/, isLink],
  [/_PORT_\d+_(?:TCP|UDP|SCTP)$/, isLink],
  [/_PORT_\d+_(?:TCP|UDP|SCTP)_PROTO$/, (text) => /^(?:tcp|udp|sctp)$/.test(text)],
  [/_PORT_\d+_(?:TCP|UDP|SCTP)_PORT$/, isPort],
  [/_PORT_\d+_(?:TCP|UDP|SCTP)_ADDR$/, isAddress],
];

/** Whether a variable is one that the platform sets for a Service, and no setting. */
export function isServiceLink(name: string, value: string): boolean {
  return FORMS.some(([form, isValue]) => form.test(name) && isValue(value));
}

function isAddress(text: string): boolean {
  return isNetwork(text) && !text.includes("/");
}

function isPort(text: string): boolean {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535;
}

function isLink(text: string): boolean {
  const [, v6, v4, port] = /^(?:tcp|udp|sctp):\/\/(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text) ?? [];
  return isAddress(v6 ?? v4 ?? "") && isPort(port ?? "");
}
