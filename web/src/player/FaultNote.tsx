import { Icon } from "../components/Icon";
import type { Fault } from "./engine";
import styles from "./FaultNote.module.css";

const words: Record<Exclude<Fault, "stale">, { title: string; detail: string }> = {
  network: {
    title: "The video stopped arriving",
    detail: "The connection to the server broke. It goes on from here as soon as you are back.",
  },
  media: {
    title: "This part of the video cannot be played",
    detail: "The browser could not decode it. Trying again often helps; if not, a lower quality may.",
  },
  unsupported: {
    title: "This browser cannot play streamed video",
    detail: "Please use a current version of Firefox, Chrome, Edge or Safari.",
  },
};

export function FaultNote({ fault, onRetry }: { fault: Exclude<Fault, "stale">; onRetry: () => void }) {
  const { title, detail } = words[fault];
  return (
    <div className={styles.note} role="alert">
      <Icon name="alert" size={32} />
      <p className={styles.title}>{title}</p>
      <p className={styles.detail}>{detail}</p>
      {fault !== "unsupported" && (
        <button type="button" className={styles.retry} onClick={onRetry}>
          <Icon name="retry" size={18} /> Try again
        </button>
      )}
    </div>
  );
}
