import { render } from "preact";
import { Connection } from "./api/connection.ts";
import { App } from "./app.tsx";
import { applyTheme, storedTheme } from "./theme/theme.ts";
import "./theme/tokens.css";
import "./theme/base.css";
import "./theme/layout.css";
import "./theme/table.css";

applyTheme(storedTheme());
const app = document.querySelector("#app");
const project = document.querySelector<HTMLMetaElement>('meta[name="runlog-project"]')?.content;
if (app)
  render(
    <App connection={new Connection(location.href)} defaultProject={project ?? "default"} />,
    app,
  );
