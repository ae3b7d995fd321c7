import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { freshDir } from "../support/server-process.ts";

const run = promisify(execFile);
const NAME = "localhost/runlog";

/** What an image says of itself, as far as the OCI image specification has it. */
interface ImageConfig {
  readonly User: string;
  readonly ExposedPorts: Readonly<Record<string, object>>;
  readonly Env: readonly string[];
  readonly Cmd: readonly string[];
  readonly Volumes: Readonly<Record<string, object>>;
  readonly WorkingDir: string;
  readonly Labels: Readonly<Record<string, string>>;
}

/** The image that `scripts/deploy/build-image.sh` has built, laid out as a root file system. */
export interface Image {
  readonly config: ImageConfig;
  /** Whether it has a check of its own, which the OCI image specification does not know. */
  readonly hasHealthcheck: boolean;
  /** Path of the root file system, which containers share and nobody writes. */
  readonly root: string;
  /** A new volume for `path`, with what the image has there and its owner; goes with the test. */
  freshVolume(path: string): Promise<string>;
  close(): Promise<void>;
}

interface Inspected {
  readonly OCIv1: { readonly config: ImageConfig };
  readonly Docker: { readonly config: { readonly Healthcheck?: object } };
}

export async function openImage(): Promise<Image> {
  const buildah = async (...args: readonly string[]): Promise<string> =>
    (await run("buildah", args, { maxBuffer: 16 * 1024 * 1024 })).stdout.trim();
  const inspected = await buildah("inspect", "--type", "image", NAME);
  const { OCIv1, Docker } = JSON.parse(inspected) as Inspected;
  const container = await buildah("from", "--pull-never", NAME);
  const root = await buildah("mount", container);
  return {
    config: OCIv1.config,
    hasHealthcheck: Docker.config.Healthcheck !== undefined,
    root,
    async freshVolume(path) {
      const volume = join(await freshDir(), "volume");
      // `cp` of Node leaves owners as they come
      await run("cp", ["--archive", join(root, path), volume]);
      return volume;
    },
    close: async () => void (await buildah("rm", container)),
  };
}
