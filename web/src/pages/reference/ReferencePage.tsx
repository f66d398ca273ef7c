import { useCallback } from "react";
import { request } from "../../api/client";
import { CodeText } from "../../components/CodeText";
import { ErrorNote } from "../../components/ErrorNote";
import { groupOperations, type Document } from "../../lib/openapi";
import { useDocumentTitle } from "../../lib/useDocumentTitle";
import { useResource } from "../../lib/useResource";
import { OperationCard } from "./OperationCard";
import styles from "./ReferencePage.module.css";
import { SchemaList } from "./SchemaList";

/** The API as the server itself describes it: made from `/api/v1/openapi.json` and nothing else. */
export function ReferencePage() {
  useDocumentTitle("API reference");
  const spec = useResource(useCallback((signal: AbortSignal) => request<Document>("/openapi.json", { signal }), []));
  if (spec.state === "failed") return <ErrorNote error={spec.error} onRetry={spec.reload} />;
  if (spec.state === "loading") return <p role="status">Loading…</p>;
  const document = spec.value;
  const groups = groupOperations(document);
  return (
    <div className={styles.page}>
      <nav className={styles.contents} aria-label="Contents">
        <ul>
          {groups.map((group) => (
            <li key={group.name}>
              <a href={`#tag-${group.name}`}>{group.name}</a>
            </li>
          ))}
          <li>
            <a href="#schemas">Schemas</a>
          </li>
        </ul>
      </nav>
      <div className={styles.main}>
        <h1>{document.info.title}</h1>
        <p className={styles.lead}>
          Version {document.info.version} · <a href="/api/v1/openapi.json">openapi.json</a>
        </p>
        {document.info.description && (
          <p className={styles.description}>
            <CodeText text={document.info.description} />
          </p>
        )}
        {groups.map((group) => (
          <section key={group.name} aria-labelledby={`tag-${group.name}`}>
            <h2 id={`tag-${group.name}`} className={styles.group}>
              {group.name}
            </h2>
            {group.description && <p className={styles.description}>{group.description}</p>}
            {group.operations.map((operation) => (
              <OperationCard key={operation.anchor} document={document} operation={operation} />
            ))}
          </section>
        ))}
        <SchemaList document={document} />
      </div>
    </div>
  );
}
