import { createRequire } from "node:module";

// the ES modules of 0.0.46 and 0.0.52 cannot apply any patch under Node; their CommonJS builds can
const require = createRequire(import.meta.url);

const MODULES: Readonly<Record<string, unknown>> = {
  "0.0.46": require("ag-ui-client-0.0.46"),
  "0.0.52": require("ag-ui-client-0.0.52"),
  "0.0.57": require("ag-ui-client-0.0.57"),
  "0.0.58": require("ag-ui-client-0.0.58"),
  "0.0.59": require("ag-ui-client-0.0.59"),
  "1.0.0": require("@ag-ui/client"),
};

/** Something of a version of `@ag-ui/client`. */
export interface OfVersion<T> {
  readonly version: string;
  readonly package: T;
}

/** The published versions of `@ag-ui/client` that are tested, oldest first, as `T` says they are. */
export function loadClients<T>(): readonly OfVersion<T>[] {
  return Object.entries(MODULES).map(([version, loaded]) => ({ version, package: loaded as T }));
}
