import { useState } from "react";
import { logout, renameMe } from "../api/auth";
import { useUser } from "../api/session";
import { Avatar } from "../components/Avatar";
import { Button } from "../components/Button";
import { ErrorNote } from "../components/ErrorNote";
import { Field } from "../components/Field";
import { SignInFirst } from "../components/SignInFirst";
import { Link, navigate } from "../lib/router";
import { useDocumentTitle } from "../lib/useDocumentTitle";
import { text, useForm } from "../lib/useForm";
import pageStyles from "./page.module.css";
import styles from "./AccountPage.module.css";

export function AccountPage() {
  useDocumentTitle("Account");
  const user = useUser();
  const [saved, setSaved] = useState(false);
  const form = useForm(async (data) => {
    setSaved(false);
    await renameMe(text(data, "display_name").trim());
    setSaved(true);
  });
  if (!user) return <SignInFirst to="/account" why="Your account is shown to you alone." />;

  return (
    <div className={pageStyles.narrow}>
      <div className={pageStyles.card}>
        <h1>Account</h1>
        <div className={styles.who}>
          <Avatar name={user.display_name} size={56} />
          <p>
            <strong>{user.display_name}</strong>
            <span className={pageStyles.soft}>@{user.username}</span>
            <Link to={`/channel/${user.channel_id}`}>Your channel</Link>
          </p>
        </div>
        <form className={pageStyles.form} onSubmit={(event) => void form.submit(event)}>
          {form.general && <ErrorNote error={form.general} />}
          <Field label="Display name" hint="Shown beside your comments." error={form.fields.display_name}>
            {(bound) => <input {...bound} name="display_name" required defaultValue={user.display_name} maxLength={80} />}
          </Field>
          <div className={styles.actions}>
            <Button type="submit" look="primary" busy={form.busy}>
              Save
            </Button>
            <span role="status" className={pageStyles.soft}>
              {saved && "Saved."}
            </span>
          </div>
        </form>
        <p className={pageStyles.soft}>Roles: {user.roles.join(", ")}</p>
        <Button onClick={() => void logout().then(() => navigate("/"))}>Sign out</Button>
      </div>
    </div>
  );
}
