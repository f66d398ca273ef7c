import { useEffect, useState } from "react";

const idleAfterMs = 2_600;

/** True once nobody has touched the frame for a while: then the controls leave the picture. */
export function useIdle(frame: HTMLElement | null): boolean {
  const [idle, setIdle] = useState(false);
  useEffect(() => {
    if (!frame) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const active = () => {
      setIdle(false);
      clearTimeout(timer);
      timer = setTimeout(() => setIdle(true), idleAfterMs);
    };
    const left = () => setIdle(true);
    const events = ["pointermove", "pointerdown", "keydown", "focusin", "playhouse:active"];
    for (const event of events) frame.addEventListener(event, active);
    frame.addEventListener("pointerleave", left);
    active();
    return () => {
      clearTimeout(timer);
      for (const event of events) frame.removeEventListener(event, active);
      frame.removeEventListener("pointerleave", left);
    };
  }, [frame]);
  return idle;
}
