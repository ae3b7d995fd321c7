import { addressOfStream, CLIENTS, type Followed } from "../support/agui-clients.ts";

/**
 * Without whose the reasoning is: a message may say another owner than the phase of its id, which no
 * client takes.
 */
export function plain({ messages, state }: Followed): Followed {
  const owned = messages.map(({ subagentRunId, ...message }) =>
    message["role"] === "reasoning" ? message : { ...message, subagentRunId },
  );
  return JSON.parse(JSON.stringify({ messages: owned, state })) as Followed;
}

/**
 * Without what clients before 1.0 know nothing of: metadata is kept from 0.0.59 on, what a subagent
 * sent is not said to them, and an empty delta neither, so that an empty text may be none at all.
 */
export function older({ messages, state }: Followed): Followed {
  const json = JSON.stringify(messages, (key, value: unknown) =>
    key === "metadata" || key === "subagentRunId" || (key === "content" && value === "")
      ? undefined
      : value,
  );
  return { messages: JSON.parse(json) as Followed["messages"], state };
}

/** What a client of this version has at the end of a stream. */
export async function followedBy(version: string, body: string): Promise<Followed> {
  const client = CLIENTS.find((other) => other.version === version);
  if (!client) throw new Error(`No client ${version}`);
  return client.follow(addressOfStream(body)).catch((error: unknown) => {
    throw new Error(`${version} refuses ${body}`, { cause: error });
  });
}
