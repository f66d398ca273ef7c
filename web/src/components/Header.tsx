import { useUser } from "../api/session";
import { Link, usePath } from "../lib/router";
import { AccountMenu } from "./AccountMenu";
import { ButtonLink } from "./Button";
import styles from "./Header.module.css";
import { Icon } from "./Icon";
import { Logo } from "./Logo";
import { SearchBox } from "./SearchBox";
import { ThemeToggle } from "./ThemeToggle";

export function Header() {
  const user = useUser();
  const path = usePath();
  const here = encodeURIComponent(path);
  return (
    <header className={styles.header}>
      <div className={styles.inner}>
        <Link to="/" className={styles.home} aria-label="Playhouse, home">
          <Logo />
        </Link>
        <SearchBox />
        <nav className={styles.nav} aria-label="Main">
          <Link to="/upload" className={styles.upload} aria-current={path === "/upload" ? "page" : undefined}>
            <Icon name="upload" size={19} />
            <span>Upload</span>
          </Link>
          <ThemeToggle />
          {user ? (
            <AccountMenu user={user} />
          ) : (
            <ButtonLink look="primary" to={path.startsWith("/sign-in") ? path : `/sign-in?next=${here}`}>
              Sign in
            </ButtonLink>
          )}
        </nav>
      </div>
    </header>
  );
}
