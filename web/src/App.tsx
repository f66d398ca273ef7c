import { Suspense, useRef } from "react";
import styles from "./App.module.css";
import { ErrorBoundary } from "./components/ErrorBoundary";
import { Footer } from "./components/Footer";
import { Header } from "./components/Header";
import { UploadPill } from "./components/UploadPill";
import { usePath } from "./lib/router";
import { useRouteFocus } from "./lib/useRouteFocus";
import { pageFor } from "./routes";

export function App() {
  const path = usePath();
  const main = useRef<HTMLElement>(null);
  useRouteFocus(main, path);
  return (
    <>
      <a className={styles.skip} href="#main">
        Skip to the content
      </a>
      <Header />
      <main ref={main} id="main" className={styles.main} tabIndex={-1}>
        <ErrorBoundary key={path}>
          <Suspense fallback={<p className={styles.loading}>Loading…</p>}>{pageFor(path)}</Suspense>
        </ErrorBoundary>
      </main>
      <UploadPill />
      <Footer />
    </>
  );
}
