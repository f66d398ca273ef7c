import type { PendingComment } from "../realtime/roomState";
import type { RoomStore } from "../realtime/roomStore";
import styles from "./PendingItem.module.css";

/** A comment on its way, or one that the server did not take. */
export function PendingItem({ comment, room }: { comment: PendingComment; room: RoomStore }) {
  const { key, text, state, problem } = comment;
  return (
    <li className={styles.pending} data-state={state}>
      <p>{text}</p>
      {state === "sending" ? (
        <p className={styles.note}>Sending…</p>
      ) : (
        <p className={styles.note} role="alert">
          {problem}
          <button type="button" onClick={() => room.retry(key)}>
            Try again
          </button>
          <button type="button" onClick={() => room.drop(key)}>
            Discard
          </button>
        </p>
      )}
    </li>
  );
}
