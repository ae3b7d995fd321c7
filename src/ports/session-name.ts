const SESSION_NAME = /^[A-Za-z0-9._:~@-]{1,128}$/;

/** Whether `name` can be a session's: 1-128 of `[A-Za-z0-9._:~@-]`, not `.` or `..`. */
export function isSessionName(name: string): boolean {
  return SESSION_NAME.test(name) && name !== "." && name !== "..";
}
