import { useCallback, useEffect, useRef, useState } from "react";
import { readStored, writeStored } from "../lib/storage";
import { calm, Engine, type EngineState } from "./engine";
import type { WantedSound } from "./sounds";

const soundKey = "playhouse.sound";

/** Where the stream is. Each object is one answer of the server, even if its address is the same. */
export interface StreamSource {
  hls: string;
}

/**
 * One engine a <video>, which plays from `startS`. A new `source` is of the same video: it takes over without a break
 * where it can.
 */
export function useEngine(video: HTMLVideoElement | null, source: StreamSource, startS: number) {
  const [state, setState] = useState<EngineState>(calm);
  const engine = useRef<Engine | null>(null);
  const firstS = useRef(startS);
  const url = source.hls;

  useEffect(() => {
    if (!video) return;
    const made = new Engine(video, firstS.current, readStored<WantedSound>(soundKey), setState);
    engine.current = made;
    return () => {
      engine.current = null;
      made.destroy();
    };
  }, [video]);

  useEffect(() => {
    if (video) engine.current?.change(source.hls);
  }, [video, source]);

  const choose = useCallback((height: number | null) => engine.current?.choose(height), []);
  const chooseSound = useCallback(({ name, language }: WantedSound) => {
    writeStored(soundKey, { name, language });
    engine.current?.chooseSound({ name, language });
  }, []);
  const refresh = useCallback(() => engine.current?.refresh(url), [url]);
  const retry = useCallback(() => engine.current?.retry(url), [url]);
  return { state, choose, chooseSound, refresh, retry };
}
