import { ButtonLink } from "./Button";
import { EmptyState } from "./EmptyState";

export function SignInFirst({ to, why }: { to: string; why: string }) {
  return (
    <EmptyState icon="user" title="Please sign in first">
      <p>{why}</p>
      <ButtonLink look="primary" to={`/sign-in?next=${encodeURIComponent(to)}`}>
        Sign in
      </ButtonLink>
    </EmptyState>
  );
}
