import { Link } from "../lib/router";
import styles from "./Footer.module.css";

export function Footer() {
  return (
    <footer className={styles.footer}>
      <p>Playhouse: a video house in one program.</p>
      <Link to="/reference">API reference</Link>
    </footer>
  );
}
