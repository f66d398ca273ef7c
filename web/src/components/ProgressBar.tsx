import styles from "./ProgressBar.module.css";

export function ProgressBar({ label, percent }: { label: string; percent: number }) {
  const shown = Math.min(100, Math.max(0, percent));
  return (
    <div
      className={styles.bar}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(shown)}
    >
      <span style={{ width: `${shown}%` }} />
    </div>
  );
}
