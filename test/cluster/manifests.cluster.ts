import { afterAll, inject, it } from "vitest";
import { createAdmin } from "../../scripts/cluster/admin.ts";
import { kustomize } from "../support/kustomize.ts";
import { expectTaken } from "./dry-run.ts";

const DEPLOY = new URL("../../scripts/deploy/", import.meta.url);
/** It is there already: everything here needs it. */
const THERE = "CustomResourceDefinition";

const admin = createAdmin(inject("kubeconfig"));
afterAll(() => admin.close());

it.each(["base", "replicas", "project"])(
  "the API server takes every manifest of %s",
  async (folder) => {
    const namespace = `runlog-${folder}`;
    await admin.makeProject(namespace);
    const manifests = await kustomize(new URL(`${folder}/`, DEPLOY));
    for (const manifest of manifests.filter(({ kind }) => kind !== THERE)) {
      const { metadata } = manifest;
      // the namespace is that of this test, and its own name is taken
      const object = { ...manifest, metadata: { ...metadata, namespace: undefined } };
      if (manifest.kind === "Namespace") object.metadata.name = `${namespace}-too`;
      await expectTaken(admin, object, namespace);
    }
  },
);
