import gridStyles from "./VideoGrid.module.css";
import styles from "./SkeletonCards.module.css";

export function SkeletonCards() {
  return (
    <div role="status" aria-label="Loading videos">
      <ul className={gridStyles.grid} aria-hidden="true">
        {Array.from({ length: 8 }, (_, index) => (
          <li key={index}>
            <div className={`${styles.shape} ${styles.poster}`} />
            <div className={`${styles.shape} ${styles.line}`} />
            <div className={`${styles.shape} ${styles.short}`} />
          </li>
        ))}
      </ul>
    </div>
  );
}
