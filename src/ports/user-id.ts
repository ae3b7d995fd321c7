/**
 * A user's name as an id that fits everywhere: cut to 253 characters, any character but
 * `[A-Za-z0-9._-]` becomes `-`, no `-` at an end, none doubled. "" if nothing is left.
 */
export function sanitizeUserId(name: string): string {
  return name
    .slice(0, 253)
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .replace(/-{2,}/g, "-")
    .replace(/^-|-$/g, "");
}
