import { CodeText } from "../../components/CodeText";
import { rowsOf, typeName, type Document } from "../../lib/openapi";
import { FieldTable } from "./FieldTable";
import cardStyles from "./OperationCard.module.css";
import styles from "./ReferencePage.module.css";

export function SchemaList({ document }: { document: Document }) {
  const schemas = Object.entries(document.components?.schemas ?? {});
  return (
    <section aria-labelledby="schemas">
      <h2 id="schemas" className={styles.group}>
        Schemas
      </h2>
      {schemas.map(([name, schema]) => {
        const rows = rowsOf(document, schema);
        return (
          <article key={name} className={cardStyles.card} id={`schema-${name}`}>
            <h3 className={cardStyles.title}>{name}</h3>
            {schema.description && <p className={cardStyles.text}><CodeText text={schema.description} /></p>}
            {rows.length > 0 ? <FieldTable caption="Fields" rows={rows} /> : <code>{typeName(schema)}</code>}
          </article>
        );
      })}
    </section>
  );
}
