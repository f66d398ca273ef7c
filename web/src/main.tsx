import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { applyTheme } from "./lib/theme";
import { warmUp } from "./routes";
import "./styles/tokens.css";
import "./styles/base.css";

const warmUpMaxMs = 400;

applyTheme();
void Promise.race([warmUp(location.pathname), new Promise((resolve) => setTimeout(resolve, warmUpMaxMs))]).then(render);

function render() {
  const root = document.getElementById("root");
  if (!root) throw new Error("index.html has no #root");
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
