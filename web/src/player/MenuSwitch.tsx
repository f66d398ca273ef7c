import { Icon } from "../components/Icon";
import styles from "./MenuButton.module.css";

/** Something that is on or off, in a menu. */
export function MenuSwitch({ label, on, onPress }: { label: string; on: boolean; onPress: () => void }) {
  return (
    <button type="button" role="menuitemcheckbox" aria-checked={on} tabIndex={-1} onClick={onPress}>
      <span className={styles.mark}>{on && <Icon name="check" size={16} />}</span>
      <span className={styles.label}>{label}</span>
    </button>
  );
}
