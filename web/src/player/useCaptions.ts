import { useState } from "react";
import type { Caption } from "../api/types";
import { readStored, writeStored } from "../lib/storage";

const key = "playhouse.captions";

interface Remembered {
  language: string;
  on: boolean;
}

/** Which captions are shown: those of last time, where this video has them. */
export function useCaptions(captions: Caption[]) {
  const [remembered, setRemembered] = useState<Remembered | null>(() => readStored<Remembered>(key));
  const found = remembered?.on ? captions.find(({ language }) => language === remembered.language) : undefined;

  function choose(language: string | null) {
    const next = language === null ? { language: remembered?.language ?? "", on: false } : { language, on: true };
    writeStored(key, next);
    setRemembered(next);
  }

  /** On in the language of last time, or in the browser's, or in whichever there is. */
  function toggle() {
    if (found) {
      choose(null);
      return;
    }
    const wanted = [remembered?.language, ...navigator.languages].map((language) => language?.split("-")[0]);
    const first = wanted.flatMap((base) => captions.filter(({ language }) => language.split("-")[0] === base))[0];
    const next = first ?? captions[0];
    if (next) choose(next.language);
  }

  return { chosen: found ?? null, choose, toggle };
}
