import { register } from "../api/auth";
import { Button } from "../components/Button";
import { ErrorNote } from "../components/ErrorNote";
import { Field } from "../components/Field";
import { Link, navigate, returnPath, useSearch } from "../lib/router";
import { useDocumentTitle } from "../lib/useDocumentTitle";
import { text, useForm } from "../lib/useForm";
import styles from "./page.module.css";

export function RegisterPage() {
  useDocumentTitle("Make an account");
  const search = useSearch();
  const form = useForm(async (data) => {
    await register(text(data, "username").trim(), text(data, "email").trim(), text(data, "password"));
    navigate(returnPath(search), { replace: true });
  });
  return (
    <div className={styles.narrow}>
      <div className={styles.card}>
        <h1>Make an account</h1>
        <p className={styles.soft}>With it you comment, like, subscribe, and have a channel of your own.</p>
        <form className={styles.form} onSubmit={(event) => void form.submit(event)}>
          {form.general && <ErrorNote error={form.general} />}
          <Field label="User name" hint="3 to 32 letters, digits, _ or -." error={form.fields.username}>
            {(bound) => <input {...bound} name="username" required minLength={3} maxLength={32} autoComplete="username" autoCapitalize="none" />}
          </Field>
          <Field label="E-mail" error={form.fields.email}>
            {(bound) => <input {...bound} name="email" type="email" required autoComplete="email" />}
          </Field>
          <Field label="Password" hint="At least 8 characters; a few words in a row are good." error={form.fields.password}>
            {(bound) => <input {...bound} name="password" type="password" required minLength={8} maxLength={256} autoComplete="new-password" />}
          </Field>
          <Button type="submit" look="primary" busy={form.busy}>
            {form.busy ? "Making the account…" : "Make the account"}
          </Button>
        </form>
        <p className={styles.soft}>
          Have one already? <Link to={`/sign-in?${search}`}>Sign in</Link>
        </p>
      </div>
    </div>
  );
}
