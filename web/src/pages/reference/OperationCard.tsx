import { CodeText } from "../../components/CodeText";
import { rowsOf, typeName, type Document, type Operation, type Row, type Schema } from "../../lib/openapi";
import { FieldTable } from "./FieldTable";
import styles from "./OperationCard.module.css";

export function OperationCard({ document, operation }: { document: Document; operation: Operation }) {
  const { method, path, anchor, summary, description, parameters = [], requestBody, responses = {} } = operation;
  const bodies = Object.entries(requestBody?.content ?? {});
  const rows: Row[] = parameters.map((parameter) => ({
    name: parameter.name,
    type: `${typeName(parameter.schema)}, in ${parameter.in}`,
    required: parameter.required ?? false,
    description: parameter.description ?? "",
  }));
  return (
    <article className={styles.card} id={anchor}>
      <h3 className={styles.title}>
        <span className={styles.method} data-method={method}>
          {method}
        </span>
        <a href={`#${anchor}`}>{path}</a>
      </h3>
      {summary && <p className={styles.summary}>{summary}</p>}
      {description && description !== summary && <p className={styles.text}><CodeText text={description} /></p>}
      {rows.length > 0 && <FieldTable caption="Parameters" rows={rows} />}
      {bodies.map(([kind, { schema }]) => (
        <FieldTable key={kind} caption={`Body: ${kind}, ${typeName(schema)}`} rows={rowsOf(document, schema)} />
      ))}
      <table className={styles.answers}>
        <caption>Answers</caption>
        <tbody>
          {Object.entries(responses).map(([status, answer]) => (
            <tr key={status}>
              <th scope="row">{status}</th>
              <td>
                <CodeText text={answer.description ?? ""} />
              </td>
              <td>
                <AnswerType schema={Object.values(answer.content ?? {})[0]?.schema} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </article>
  );
}

function AnswerType({ schema }: { schema: Schema | undefined }) {
  if (!schema) return null;
  const name = typeName(schema);
  return schema.$ref ? <a href={`#schema-${name}`}>{name}</a> : <code>{name}</code>;
}
