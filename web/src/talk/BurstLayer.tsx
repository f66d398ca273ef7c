import { useEffect, useRef, useState } from "react";
import { floatMs, risen, thrown, type Float } from "../lib/bursts";
import type { RoomStore } from "../realtime/roomStore";
import styles from "./BurstLayer.module.css";

/**
 * What the room throws rises over the picture and is gone. Decoration: it takes no press and is not read out. Who wants
 * less motion sees it stand still for a moment, in a corner.
 */
export function BurstLayer({ room }: { room: RoomStore }) {
  const [floats, setFloats] = useState<Float[]>([]);
  const nextId = useRef(1);

  useEffect(() => {
    return room.onBursts((counts) => {
      if (document.hidden) return;
      setFloats((known) => {
        const next = thrown(known, counts, Date.now(), Math.random, nextId.current);
        nextId.current = Math.max(nextId.current, ...next.map(({ id }) => id + 1));
        return next;
      });
    });
  }, [room]);

  const any = floats.length > 0;
  useEffect(() => {
    if (!any) return;
    const timer = setInterval(() => setFloats((known) => risen(known, Date.now())), floatMs / 2);
    return () => clearInterval(timer);
  }, [any]);

  return (
    <div className={styles.layer} aria-hidden="true" data-testid="bursts">
      {floats.map(({ id, emoji, x }) => (
        <span key={id} style={{ insetInlineStart: `${4 + x * 88}%` }}>
          {emoji}
        </span>
      ))}
    </div>
  );
}
