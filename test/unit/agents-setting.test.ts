import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError, parseConfig } from "../../src/config.ts";
import { isAgentName } from "../../src/ports/named-agent.ts";

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    parseConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const URLS = ["http://a:8001/", "https://b.example/x?key=a=b", "http://{session}.{project}.c/"];

describe("RUNLOG_AGENTS", () => {
  it("names agents with the URLs of their runners, in their order", () => {
    const given =
      " coder = http://a:8001/ ,support=https://b/x?k=a=b,  Writer_2=http://{session}.c/";
    expect(parseConfig({ RUNLOG_AGENTS: given })).toMatchObject({
      runnerUrl: null,
      agents: [
        { name: "coder", url: "http://a:8001/" },
        { name: "support", url: "https://b/x?k=a=b" },
        { name: "Writer_2", url: "http://{session}.c/" },
      ],
    });
  });

  it("takes RUNNER_URL for those without a URL, where that has {agent}", () => {
    const RUNNER_URL = "http://gateway/{agent}/";
    const RUNLOG_AGENTS = "coder,support=http://b/";
    expect(parseConfig({ RUNLOG_AGENTS, RUNNER_URL })).toMatchObject({
      runnerUrl: null,
      agents: [
        { name: "coder", url: RUNNER_URL },
        { name: "support", url: "http://b/" },
      ],
    });
  });

  it("is not set where it is empty", () => {
    expect(parseConfig({ RUNLOG_AGENTS: "" })).toEqual(parseConfig({}));
  });

  it.each([
    [",", "cannot be the name"],
    ["coder=http://a/,", '"" cannot be the name'],
    ["=http://a/", '"" cannot be the name'],
    ["co der=http://a/", '"co der" cannot be the name'],
    ["1=http://a/", '"1" cannot be the name'],
    ["__proto__=http://a/", '"__proto__" cannot be the name'],
    [`${"x".repeat(64)}=http://a/`, "cannot be the name"],
    ["../etc=http://a/", "cannot be the name"],
    ["http://a/", "cannot be the name"],
    ["coder=http://a/?x=1,2", '"2" cannot be the name'],
    ["coder=http://a/,coder=http://b/", "names coder twice"],
    ["coder", "says no URL of coder: give coder=<URL>, or a RUNNER_URL with {agent}"],
    ["coder=", "the URL of coder must be an http(s) URL"],
    ["coder=a:8001", "the URL of coder must be an http(s) URL"],
    ["coder=ftp://a/", "the URL of coder must be an http(s) URL"],
    ["coder=http://a:{port}/", "the URL of coder must be an http(s) URL"],
    ["coder=http://user:secret@a/", "the URL of coder must be an http(s) URL without a user"],
  ])("refuses %j, and says what is wrong with it", (given, text) => {
    const [problem, ...more] = problemsOf({ RUNLOG_AGENTS: given });
    expect(problem).toMatch(/^RUNLOG_AGENTS/);
    expect(problem).toContain(text);
    expect(problem).not.toContain("secret");
    expect(more.filter((other) => !other.startsWith("RUNLOG_AGENTS"))).toEqual([]);
  });

  it("names at most 100", () => {
    const some = (count: number): string =>
      Array.from({ length: count }, (_, at) => `a${at}=http://a/`).join(",");
    expect(parseConfig({ RUNLOG_AGENTS: some(100) }).agents).toHaveLength(100);
    expect(problemsOf({ RUNLOG_AGENTS: some(101) })).toEqual([
      "RUNLOG_AGENTS names more than 100 agents",
    ]);
  });

  it.each<[Record<string, string>, string]>([
    [{ RUNNER_URL: "http://b/" }, "RUNLOG_AGENTS and RUNNER_URL exclude each other"],
    [{ RUNNER_URL: "http://{agent}/" }, "RUNLOG_AGENTS and RUNNER_URL exclude each other"],
    [{ RUNLOG_DEMO: "1" }, "RUNLOG_DEMO=1 and RUNLOG_AGENTS exclude each other"],
    [
      { RUNLOG_AUTH: "kubernetes", KUBERNETES_SERVICE_HOST: "10.96.0.1" },
      "RUNLOG_AGENTS and RUNLOG_AUTH=kubernetes exclude each other",
    ],
  ])("contradicts %j", (env, text) => {
    const RUNLOG_AGENTS = "coder=http://a/";
    expect(problemsOf({ ...env, RUNLOG_AGENTS })).toEqual([expect.stringContaining(text)]);
  });

  it("is missed by a RUNNER_URL with {agent}", () => {
    expect(problemsOf({ RUNNER_URL: "http://{agent}/" })).toEqual([
      "RUNNER_URL has {agent}, and RUNLOG_AGENTS names none",
    ]);
  });

  it("replaces the demo, with or without RUNLOG_DEMO=0", () => {
    const RUNLOG_AGENTS = "coder=http://a/";
    expect(problemsOf({ RUNLOG_AGENTS, RUNLOG_DEMO: "0" })).toEqual([]);
  });

  it("gives back what it was made of", () => {
    const agent = fc.record({
      name: fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/),
      url: fc.constantFrom(...URLS),
    });
    const agents = fc.uniqueArray(agent, {
      selector: ({ name }) => name,
      minLength: 1,
      maxLength: 100,
    });
    fc.assert(
      fc.property(agents, (given) => {
        const text = given.map(({ name, url }) => `${name}=${url}`).join(",");
        expect(parseConfig({ RUNLOG_AGENTS: text }).agents).toEqual(given);
      }),
    );
  });

  it("has only names that can be names, each once, and URLs that can be URLs, whatever is given", () => {
    const piece = fc.oneof(
      fc.constantFrom("coder", "=", ",", "http://a/", "{agent}", " ", "%", "\u0000", "=http://b/"),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const env = { RUNLOG_AGENTS: pieces.join(""), RUNNER_URL: "http://{agent}.x/" };
        if (problemsOf(env).length > 0) return;
        const { agents } = parseConfig(env);
        expect(agents.every(({ name }) => isAgentName(name))).toBe(true);
        expect(new Set(agents.map(({ name }) => name)).size).toBe(agents.length);
        for (const { url } of agents)
          expect(URL.canParse(url.replace(/\{(agent|session|project)\}/g, "x"))).toBe(true);
      }),
    );
  });
});
