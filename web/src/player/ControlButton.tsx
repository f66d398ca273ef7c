import { Icon, type IconName } from "../components/Icon";
import styles from "./ControlButton.module.css";

interface ControlButtonProps {
  name: string;
  icon: IconName;
  hint?: string;
  /** For what stays on until it is pressed again. */
  pressed?: boolean;
  onPress: () => void;
}

export function ControlButton({ name, icon, hint, pressed, onPress }: ControlButtonProps) {
  return (
    <button
      type="button"
      className={styles.button}
      aria-label={name}
      aria-pressed={pressed}
      aria-keyshortcuts={hint}
      title={hint ? `${name} (${hint})` : name}
      onClick={onPress}
    >
      <Icon name={icon} size={22} />
    </button>
  );
}
