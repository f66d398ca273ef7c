import { login } from "../api/auth";
import { Button } from "../components/Button";
import { ErrorNote } from "../components/ErrorNote";
import { Field } from "../components/Field";
import { Link, navigate, returnPath, useSearch } from "../lib/router";
import { useDocumentTitle } from "../lib/useDocumentTitle";
import { text, useForm } from "../lib/useForm";
import styles from "./page.module.css";

export function SignInPage() {
  useDocumentTitle("Sign in");
  const search = useSearch();
  const form = useForm(async (data) => {
    await login(text(data, "username").trim(), text(data, "password"));
    navigate(returnPath(search), { replace: true });
  });
  return (
    <div className={styles.narrow}>
      <div className={styles.card}>
        <h1>Sign in</h1>
        <form className={styles.form} onSubmit={(event) => void form.submit(event)}>
          {form.general && <ErrorNote error={form.general} />}
          <Field label="User name" error={form.fields.username}>
            {(bound) => <input {...bound} name="username" required autoComplete="username" autoCapitalize="none" />}
          </Field>
          <Field label="Password" error={form.fields.password}>
            {(bound) => <input {...bound} name="password" type="password" required autoComplete="current-password" />}
          </Field>
          <Button type="submit" look="primary" busy={form.busy}>
            {form.busy ? "Signing in…" : "Sign in"}
          </Button>
        </form>
        <p className={styles.soft}>
          New here? <Link to={`/register?${search}`}>Make an account</Link>
        </p>
      </div>
    </div>
  );
}
