import { describe, expect, it } from "vitest";
import { failedAnswer } from "../../../scripts/soak/failed-answer.ts";
import { explainFailure, type Outage } from "../../../scripts/soak/outages.ts";

const KILL: Outage = { port: 1, cause: "killed", fromMs: 100, goneMs: 110, untilMs: 900 };
const ROLL: Outage = {
  port: 2,
  cause: "rolled over",
  fromMs: 2_000,
  goneMs: 2_500,
  untilMs: 3_000,
};

function explain(
  answer: {
    readonly port?: number | null;
    readonly isReached?: boolean;
    readonly status?: number;
  },
  fromMs: number,
  toMs: number,
) {
  const failure = { what: "run", status: 502, text: "", port: 1, isReached: true, ...answer };
  return explainFailure({ ...failure, fromMs, toMs }, [KILL, ROLL]);
}

describe("the explanation of a 5xx", () => {
  it("knows a request that was in flight at the server that was killed", () => {
    expect(explain({}, 0, 105)).toBe("killed");
    expect(explain({}, 0, 5_000)).toBe("killed");
  });

  it("knows one that was in flight elsewhere, and may have been passed on to it", () => {
    expect(explain({ port: 3 }, 0, 105)).toBe("passed-on");
  });

  it("has none for what began after the kill, or was over before it", () => {
    expect(explain({}, 111, 400)).toBe("unexplained");
    expect(explain({ port: 3 }, 111, 16_000)).toBe("unexplained");
    expect(explain({}, 0, 99)).toBe("unexplained");
  });

  it("knows a 503 of a server that was asked to stop, and has none for any other of its answers", () => {
    expect(explain({ port: 2, status: 503 }, 1_900, 2_100)).toBe("stopping");
    expect(explain({ port: 2 }, 1_900, 2_600)).toBe("unexplained");
    expect(explain({ port: 3, status: 503 }, 1_900, 2_100)).toBe("unexplained");
    expect(explain({ port: 2, status: 503 }, 2_600, 2_700)).toBe("unexplained");
  });

  it("knows what the proxy could not hand to a server that was away", () => {
    expect(explain({ isReached: false }, 500, 510)).toBe("refused");
    expect(explain({ port: 2, isReached: false }, 2_600, 2_610)).toBe("refused");
    expect(explain({ isReached: false }, 1_000, 1_010)).toBe("unexplained");
    expect(explain({ port: null, isReached: false }, 500, 510)).toBe("unexplained");
  });
});

describe("a failed answer", () => {
  const facts = { what: "run", status: 502, port: 80, fromMs: 0 };

  it("is of the last server that the proxy asked", () => {
    const headers = new Headers({
      "X-Soak-Upstream": "127.0.0.1:1, 127.0.0.1:2",
      "X-Soak-Connect": "-, 0.001",
    });
    expect(failedAnswer({ ...facts, headers })).toMatchObject({ port: 2, isReached: true });
  });

  it("is of nobody where the proxy had nobody to ask, or could not connect", () => {
    const nobody = new Headers({ "X-Soak-Upstream": "replicas", "X-Soak-Connect": "-" });
    expect(failedAnswer({ ...facts, headers: nobody })).toMatchObject({
      port: null,
      isReached: false,
    });
    const refused = new Headers({ "X-Soak-Upstream": "127.0.0.1:1", "X-Soak-Connect": "-" });
    expect(failedAnswer({ ...facts, headers: refused })).toMatchObject({
      port: 1,
      isReached: false,
    });
  });

  it("is of the server that was asked where there is no proxy", () => {
    const headers = new Map<string, string>();
    expect(failedAnswer({ ...facts, headers })).toMatchObject({ port: 80, isReached: true });
  });
});
