export { waitFor } from "../contract/wait-for.ts";
