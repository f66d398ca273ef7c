import { useCallback, useEffect, useRef, useState } from "react";
import { calm, Engine, type EngineState } from "./engine";

/** One engine a <video>. A new `url` is of the same video: it takes over without a break where it can. */
export function useEngine(video: HTMLVideoElement | null, url: string) {
  const [state, setState] = useState<EngineState>(calm);
  const engine = useRef<Engine | null>(null);

  useEffect(() => {
    if (!video) return;
    const made = new Engine(video, setState);
    engine.current = made;
    return () => {
      engine.current = null;
      made.destroy();
    };
  }, [video]);

  useEffect(() => {
    if (video) engine.current?.change(url);
  }, [video, url]);

  const choose = useCallback((height: number | null) => engine.current?.choose(height), []);
  const refresh = useCallback(() => engine.current?.refresh(url), [url]);
  const retry = useCallback(() => engine.current?.load(url), [url]);
  return { state, choose, refresh, retry };
}
