import type { Job } from "../api/types";
import { Icon } from "../components/Icon";
import { failureWords } from "../lib/failureWords";
import styles from "./JobPanel.module.css";

/** What becomes of a file that is to take the place of a video's. */
export function ReplacementNote({ replacement }: { replacement: NonNullable<Job["replacement"]> }) {
  if (replacement.status === "on_trial") {
    return <p role="status">The new file is being tried. The old one plays until the new one does.</p>;
  }
  return (
    <div className={styles.failure} role="alert">
      <Icon name="alert" />
      <p>
        The new file was not taken, and the old one stays.{" "}
        <span className={styles.soft}>{failureWords(replacement.failure).reason}</span>
      </p>
    </div>
  );
}
