import { readFile, writeFile } from "node:fs/promises";

/**
 * Makes plain dependencies of the development dependencies that the arguments name, in the package.json of the
 * current directory. `npm ci --omit=dev` then installs them from the same lock file: optional peers, since
 * whoever runs the image cannot install what a setting of theirs needs, and what compiles it.
 */
interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
}

const manifest = JSON.parse(await readFile("package.json", "utf8")) as Manifest;
for (const name of process.argv.slice(2)) {
  const version = manifest.devDependencies[name];
  if (version === undefined)
    throw new Error(`${name} is not in devDependencies of package.json: name what is`);
  manifest.dependencies[name] = version;
  delete manifest.devDependencies[name];
  delete manifest.peerDependencies[name];
}
await writeFile("package.json", `${JSON.stringify(manifest, null, 2)}\n`);
