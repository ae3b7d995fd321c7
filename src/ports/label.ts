const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whether `name` is a DNS-1123 label: 1-63 of `[a-z0-9-]`, no `-` at an end. */
export function isLabel(name: string): boolean {
  return DNS_LABEL.test(name);
}
