import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { createMeters } from "../../src/entry/telemetry/meters.ts";
import { measuredStore } from "../../src/entry/telemetry/measured-store.ts";
import { logStoreContract, logStoreMatchesModel } from "../contract/index.ts";

const create = async () => {
  const meters = createMeters(new MeterProvider().getMeter("test"));
  const store = measuredStore(createMemoryLogStore(), meters);
  return { store, dispose: () => store.close() };
};

logStoreContract("a store whose calls are measured", { create });
logStoreMatchesModel("a store whose calls are measured", {
  create,
  createModel: () => createMemoryLogStore(),
  runs: 60,
});
