// A chat of CopilotKit with an approval, as its documentation has them, and with `?threads` a list of threads.
import {
  CopilotChat,
  CopilotKitProvider,
  useInterrupt,
  useThreads,
} from "@copilotkit/react-core/v2";
import { createRoot } from "react-dom/client";

const query = new URLSearchParams(location.search);
const agentId = query.get("agent") ?? "default";

function Approval(): null {
  useInterrupt({
    agentId,
    render: ({ resolve }) => (
      <button type="button" onClick={() => void resolve({ approved: true })}>
        Approve
      </button>
    ),
  });
  return null;
}

function Threads() {
  const { threads, archiveThread, deleteThread, renameThread } = useThreads({ agentId });
  return (
    <ul>
      {threads.map(({ id, name }) => (
        <li key={id} data-thread={id}>
          {name ?? "Untitled"}
          <button onClick={() => void renameThread(id, `Renamed ${id}`)}>Rename</button>
          <button onClick={() => void archiveThread(id)}>Archive</button>
          <button onClick={() => void deleteThread(id)}>Delete</button>
        </li>
      ))}
    </ul>
  );
}

createRoot(document.getElementById("root") ?? document.body).render(
  <CopilotKitProvider
    runtimeUrl={query.get("runtime") ?? ""}
    useSingleEndpoint={query.has("single")}
  >
    <Approval />
    {query.has("threads") && <Threads />}
    <CopilotChat agentId={agentId} threadId={query.get("thread") ?? ""} />
  </CopilotKitProvider>,
);
