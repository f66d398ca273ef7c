import { Link, usePath } from "../lib/router";
import { useUpload } from "../upload/useUpload";
import { Icon } from "./Icon";
import styles from "./UploadPill.module.css";

/** Keeps an upload in sight while one looks at other pages. */
export function UploadPill() {
  const path = usePath();
  const { phase, sentBytes, totalBytes } = useUpload();
  if (path === "/upload" || phase === "idle") return null;
  const percent = totalBytes > 0 ? Math.floor((sentBytes / totalBytes) * 100) : 0;
  const words = { running: `Uploading ${percent} %`, paused: `Paused at ${percent} %`, failed: "Upload stopped", sent: "Upload finished" };
  return (
    <Link to="/upload" className={styles.pill}>
      <Icon name={phase === "sent" ? "check" : phase === "failed" ? "alert" : "upload"} size={18} />
      {words[phase]}
    </Link>
  );
}
