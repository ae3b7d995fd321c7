import { type Setting, setting } from "./setting.ts";
import { readBaseUrl } from "./values.ts";

export interface ReplicaSettings {
  readonly advertiseUrl: Setting<string | null>;
}

/** How servers that share a store reach each other. */
export const REPLICA_SETTINGS: ReplicaSettings = {
  advertiseUrl: setting<string | null>("RUNLOG_ADVERTISE_URL", null, readBaseUrl, {
    shown: "",
    meaning:
      "with s3:// and several servers: where the others reach this one, as http://$(POD_IP):8080",
    form: "an http(s) URL without a path",
    group: "Replicas",
  }),
};
