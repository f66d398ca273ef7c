import { Icon, type IconName } from "../components/Icon";
import styles from "./ControlButton.module.css";

interface ControlButtonProps {
  name: string;
  icon: IconName;
  hint?: string;
  onPress: () => void;
}

export function ControlButton({ name, icon, hint, onPress }: ControlButtonProps) {
  return (
    <button
      type="button"
      className={styles.button}
      aria-label={name}
      aria-keyshortcuts={hint}
      title={hint ? `${name} (${hint})` : name}
      onClick={onPress}
    >
      <Icon name={icon} size={22} />
    </button>
  );
}
