/** Each named after its Service, as docs of Kubernetes have it; the port has a name, as ours do. */
const HOST = "10.96.0.7";
const PORT = "8080";
const PORT_NAME = "HTTP";

/** The variables that a kubelet sets for the Services of a pod's namespace where it is not told to leave them out. */
export function serviceLinks(services: readonly string[]): Record<string, string> {
  const variables = services.flatMap((service): [string, string][] => {
    const name = service.toUpperCase().replaceAll("-", "_");
    const link = `tcp://${HOST}:${PORT}`;
    const port = `${name}_PORT_${PORT}_TCP`;
    return [
      [`${name}_SERVICE_HOST`, HOST],
      [`${name}_SERVICE_PORT`, PORT],
      [`${name}_SERVICE_PORT_${PORT_NAME}`, PORT],
      [`${name}_PORT`, link],
      [port, link],
      [`${port}_PROTO`, "tcp"],
      [`${port}_PORT`, PORT],
      [`${port}_ADDR`, HOST],
    ];
  });
  return Object.fromEntries(variables);
}
