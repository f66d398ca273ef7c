import { useCallback, useEffect, useState } from "react";

export type Resource<T> =
  | { state: "loading"; value: T | null; error: null }
  | { state: "ready"; value: T; error: null }
  | { state: "failed"; value: T | null; error: Error };

/**
 * Loads what `load` answers, again whenever `load` changes (wrap it in `useCallback`) or `reload` is called.
 * What is shown stays while it loads again for another asker (`asker`: the id of who is signed in), because answers
 * depend on that. A late answer to an older question is dropped; `replace` puts in a value known otherwise.
 */
export function useResource<T>(load: (signal: AbortSignal) => Promise<T>, asker = "") {
  const [resource, setResource] = useState<Resource<T>>({ state: "loading", value: null, error: null });
  const [round, setRound] = useState(0);
  const [loadedWith, setLoadedWith] = useState(() => load);

  if (loadedWith !== load) {
    setLoadedWith(() => load);
    setResource({ state: "loading", value: null, error: null });
  }

  useEffect(() => {
    const abort = new AbortController();
    load(abort.signal).then(
      (value) => {
        if (!abort.signal.aborted) setResource({ state: "ready", value, error: null });
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const reason = error instanceof Error ? error : new Error(String(error));
        setResource((before) => ({ state: "failed", value: before.value, error: reason }));
      },
    );
    return () => abort.abort();
  }, [load, round, asker]);

  const reload = useCallback(() => setRound((before) => before + 1), []);
  const replace = useCallback((change: (before: T) => T) => {
    setResource((before) => (before.state === "ready" ? { ...before, value: change(before.value) } : before));
  }, []);
  return { ...resource, reload, replace };
}
