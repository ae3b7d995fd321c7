import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { type Manifest, parseManifests } from "./kustomize.ts";

const run = promisify(execFile);
const CHART = fileURLToPath(new URL("../../scripts/deploy/chart", import.meta.url));
const BUILD = fileURLToPath(new URL("../../scripts/deploy/build-renderer.sh", import.meta.url));

/** A chart with its values filled in. */
export interface RenderedChart {
  readonly manifests: readonly Manifest[];
  /** What an installation prints. */
  readonly notes: string;
  /** The one manifest of a kind. Throws where there is none, or more. */
  readonly one: (kind: string) => Manifest;
}

/** Renders the chart with the files of values, as `scripts/deploy/render-chart` does. Throws its errors. */
export async function renderChart(
  files: readonly string[],
  namespace = "runlog",
): Promise<RenderedChart> {
  const program = (await run(BUILD)).stdout.trim();
  const { stdout } = await run(program, ["-namespace", namespace, CHART, ...files]);
  const { "NOTES.txt": notes = "", ...templates } = JSON.parse(stdout) as Record<string, string>;
  const manifests = Object.values(templates).flatMap(parseManifests);
  return {
    manifests,
    notes,
    one(kind) {
      const [found, ...more] = manifests.filter((each) => each.kind === kind);
      if (!found || more.length > 0) throw new Error(`${more.length + 1} manifests of ${kind}`);
      return found;
    },
  };
}

/** Path of one of the chart's own sets of values. */
export function valuesFile(name: string): string {
  return `${CHART}/ci/${name}-values.yaml`;
}
