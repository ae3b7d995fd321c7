// A chat of CopilotKit with an approval, as its documentation has them.
import { CopilotChat, CopilotKitProvider, useInterrupt } from "@copilotkit/react-core/v2";
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

createRoot(document.getElementById("root") ?? document.body).render(
  <CopilotKitProvider
    runtimeUrl={query.get("runtime") ?? ""}
    useSingleEndpoint={query.has("single")}
  >
    <Approval />
    <CopilotChat agentId={agentId} threadId={query.get("thread") ?? ""} />
  </CopilotKitProvider>,
);
