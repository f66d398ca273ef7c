import { useLayoutEffect, useRef } from "react";
import styles from "./CaptionLayer.module.css";

/** Draws the cues that are due, at the top where a cue asks for it and else above the controls. */
export function CaptionLayer({ cues }: { cues: VTTCue[] }) {
  const atTop = cues.filter(wantsTop);
  const below = cues.filter((cue) => !wantsTop(cue));
  return (
    <>
      {atTop.length > 0 && <Lines cues={atTop} place="top" />}
      {below.length > 0 && <Lines cues={below} place="bottom" />}
    </>
  );
}

function Lines({ cues, place }: { cues: VTTCue[]; place: "top" | "bottom" }) {
  const root = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const lines = cues.map((cue) => {
      const line = document.createElement("p");
      line.append(cue.getCueAsHTML());
      return line;
    });
    root.current?.replaceChildren(...lines);
  }, [cues]);
  return <div ref={root} className={styles.layer} data-place={place} data-testid="captions" />;
}

function wantsTop({ line, snapToLines }: VTTCue): boolean {
  return typeof line === "number" && line >= 0 && line < (snapToLines ? 4 : 40);
}
