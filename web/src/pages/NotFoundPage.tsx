import { ButtonLink } from "../components/Button";
import { EmptyState } from "../components/EmptyState";
import { useDocumentTitle } from "../lib/useDocumentTitle";

export function NotFoundPage({ what = "page" }: { what?: "page" | "video" | "channel" }) {
  useDocumentTitle("Not found");
  return (
    <>
      <h1 className="visually-hidden">Not found</h1>
      <EmptyState icon="help" title={`There is no such ${what}`}>
        <p>It may have been removed, it may be private, or the address has a slip in it.</p>
        <ButtonLink to="/">To the home page</ButtonLink>
      </EmptyState>
    </>
  );
}
