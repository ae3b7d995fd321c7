import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Workload } from "../workload.ts";

const STAY_MS = 20_000;

/** Clients that begin a request and say no more. */
export const halfOpenRequests: Workload = {
  name: "half-open requests",
  clients: 20,
  async round(context) {
    const { port, signal, random, sessions } = context;
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    try {
      const { path } = random.pick(sessions);
      const request = `POST ${path}/agui/run HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"messages":[`;
      socket.write(request.slice(0, 1 + random.integer(request.length)));
      await sleep(STAY_MS, undefined, { signal });
      context.count("half-open requests");
    } finally {
      socket.destroy();
    }
  },
};
