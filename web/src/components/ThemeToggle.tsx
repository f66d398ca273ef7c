import { useTheme } from "../lib/theme";
import { Icon } from "./Icon";
import styles from "./IconButton.module.css";

export function ThemeToggle() {
  const { theme, toggle } = useTheme();
  const name = theme === "dark" ? "Use the light theme" : "Use the dark theme";
  return (
    <button type="button" className={styles.button} onClick={toggle} aria-label={name} title={name}>
      <Icon name={theme === "dark" ? "sun" : "moon"} />
    </button>
  );
}
