import { useEffect } from "react";

const everyMs = 3_000;

/** While the line is `broken`, asks for `url` now and then, and says once that it answers again. */
export function useReconnect(broken: boolean, url: string, onBack: () => void): void {
  useEffect(() => {
    if (!broken) return;
    const abort = new AbortController();
    const ask = () => {
      fetch(url, { method: "HEAD", signal: abort.signal, cache: "no-store" }).then(
        ({ ok }) => {
          if (ok && !abort.signal.aborted) onBack();
        },
        () => undefined,
      );
    };
    const timer = setInterval(ask, everyMs);
    window.addEventListener("online", ask);
    return () => {
      abort.abort();
      clearInterval(timer);
      window.removeEventListener("online", ask);
    };
  }, [broken, url, onBack]);
}
