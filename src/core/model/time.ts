/** A time in epoch ms as Kubernetes writes it: RFC 3339 in UTC, whole seconds. */
export function rfc3339(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+Z$/, "Z");
}
