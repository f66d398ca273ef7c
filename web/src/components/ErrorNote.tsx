import { Button } from "./Button";
import styles from "./ErrorNote.module.css";
import { Icon } from "./Icon";

export function ErrorNote({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  return (
    <div className={styles.note} role="alert">
      <Icon name="alert" />
      <p>{error.message}</p>
      {onRetry && (
        <Button look="plain" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}
