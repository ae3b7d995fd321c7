export { waitFor } from "../contract/wait-for.ts";
export type { WaitForOptions } from "../contract/wait-for.ts";
