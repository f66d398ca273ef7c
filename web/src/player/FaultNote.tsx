import { Icon } from "../components/Icon";
import { faultWords, type ShownFault } from "./faults";
import styles from "./FaultNote.module.css";

export function FaultNote({ fault, onRetry }: { fault: ShownFault; onRetry: () => void }) {
  const { title, detail, retry } = faultWords[fault];
  return (
    <div className={styles.note} role="alert" data-testid="fault">
      <Icon name="alert" size={32} />
      <p className={styles.title}>{title}</p>
      <p className={styles.detail}>{detail}</p>
      {retry && (
        <button type="button" className={styles.retry} onClick={onRetry}>
          <Icon name="retry" size={18} /> {retry}
        </button>
      )}
    </div>
  );
}
