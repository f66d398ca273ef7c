import styles from "./Logo.module.css";

/** A proscenium arch with a play mark on its stage. */
export function Logo() {
  return (
    <span className={styles.logo}>
      <svg width="30" height="30" viewBox="0 0 32 32" aria-hidden="true">
        <path className={styles.arch} d="M3 29V14.5C3 7.600 8.800 2 16 2s13 5.600 13 12.500V29z" />
        <path
          className={styles.mark}
          d="M12.500 11.400v11.200c0 .9 1 1.500 1.800 1l8.700-5.600a1.200 1.200 0 0 0 0-2l-8.700-5.600c-.8-.5-1.800.1-1.800 1z"
        />
      </svg>
      <span>Playhouse</span>
    </span>
  );
}
