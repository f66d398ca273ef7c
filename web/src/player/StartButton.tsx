import { Icon } from "../components/Icon";
import styles from "./StartButton.module.css";

export function StartButton({ onStart }: { onStart: () => void }) {
  return (
    <button type="button" className={styles.start} onClick={onStart} aria-label="Play">
      <Icon name="play" size={34} />
    </button>
  );
}
