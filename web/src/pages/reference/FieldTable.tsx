import { CodeText } from "../../components/CodeText";
import type { Row } from "../../lib/openapi";
import styles from "./FieldTable.module.css";

export function FieldTable({ caption, rows }: { caption: string; rows: Row[] }) {
  return (
    <table className={styles.table}>
      <caption>{caption}</caption>
      <tbody>
        {rows.map(({ name, type, required, description }) => (
          <tr key={`${name} ${type}`}>
            <th scope="row">
              <code>{name}</code>
              {required && <span className={styles.required}>required</span>}
            </th>
            <td>
              <code className={styles.type}>{type}</code>
              {description && (
                <p>
                  <CodeText text={description} />
                </p>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
