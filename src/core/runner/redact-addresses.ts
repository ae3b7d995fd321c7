/**
 * Hosts that only mean something inside: names of a cluster, loopback, IP addresses; with a port.
 */
const INTERNAL_HOST =
  /(?:[a-z0-9-]+\.)+(?:svc|local|internal)\b(?:\.[a-z0-9-]+)*(?::\d+)?|\blocalhost\b(?::\d+)?|\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?|\[[0-9a-f:.]*:[0-9a-f:.]*\](?::\d+)?/gi;

const PLACEHOLDER = "[address]";

/**
 * The text without the addresses in it: the host of `address` and everything that looks like an
 * internal host.
 */
export function hideAddresses(text: string, address: string): string {
  const { host } = new URL(address);
  // a host of one plain word may be any word of the text
  const own = /[.:]/.test(host) ? text.replaceAll(host, PLACEHOLDER) : text;
  return own.replace(INTERNAL_HOST, PLACEHOLDER);
}
