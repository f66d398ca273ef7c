import { ButtonLink, Button } from "../../components/Button";
import { Icon } from "../../components/Icon";
import styles from "./Stage.module.css";
import { stageWords } from "./stageWords";

/** Where the picture would be: why there is none, and what can be done. */
export function StageFault({ error, onRetry }: { error: Error; onRetry: () => void }) {
  const { title, detail } = stageWords(error);
  return (
    <div className={styles.waiting} role="alert" data-testid="stage-fault">
      <span className={styles.sign}>
        <Icon name="alert" size={32} />
      </span>
      <p className={styles.title}>{title}</p>
      <p className={styles.soft}>{detail}</p>
      <div className={styles.actions}>
        <Button onClick={onRetry}>
          <Icon name="retry" size={18} /> Try again
        </Button>
        <ButtonLink to="/">Other videos</ButtonLink>
      </div>
    </div>
  );
}
