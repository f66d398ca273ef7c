import { useUser } from "../api/session";
import type { RoomStore } from "../realtime/roomStore";
import styles from "./BurstBar.module.css";

/** Emoji to throw into the room. They rise over the picture (`BurstLayer`). */
export function BurstBar({ room, emoji }: { room: RoomStore; emoji: string[] }) {
  const user = useUser();
  if (!user || emoji.length === 0) return null;
  return (
    <div className={styles.bar} role="group" aria-label="Throw an emoji">
      {emoji.map((one) => (
        <button key={one} type="button" aria-label={`Throw ${one}`} onClick={() => room.burst(one)}>
          {one}
        </button>
      ))}
    </div>
  );
}
