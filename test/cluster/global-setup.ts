import type { TestProject } from "vitest/node";
import { startApiServer } from "../../scripts/cluster/api-server.ts";
import { applyCrd, createAdmin } from "../../scripts/cluster/admin.ts";

declare module "vitest" {
  interface ProvidedContext {
    kubeconfig: string;
    certificateKubeconfig: string;
  }
}

/** One API server for all files that leave it alive. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startApiServer();
  process.stdout.write(`kube-apiserver ${server.version}\n`);
  const admin = createAdmin(server.kubeconfig);
  await applyCrd(server.kubeconfig, admin);
  await admin.close();
  project.provide("kubeconfig", server.kubeconfig);
  project.provide("certificateKubeconfig", server.certificateKubeconfig);
  return () => server.stop();
}
