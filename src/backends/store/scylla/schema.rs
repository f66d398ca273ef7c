//! The schema on a cluster: made, held against the declarations, and extended. What is there is never altered or dropped,
//! so that a newer and an older program can run beside each other.

use std::{collections::BTreeMap, time::Duration};

use scylla::{client::session::Session, statement::Statement};

use super::{
    super::{cql, open::OpenError, table::Table},
    cluster,
    place::Place,
};

/// Nodes agree on each change before the next is made.
const CHANGE_MAX: Duration = Duration::from_secs(60);

/// Makes the keyspace, tables and columns that are missing; answers with the statements it has run.
pub(in crate::backends::store) async fn apply(
    place: &Place,
    tables: &[&'static Table],
) -> Result<Vec<String>, OpenError> {
    let session = cluster::connect(place, CHANGE_MAX).await?;
    let mut done = Vec::new();
    if !has_keyspace(&session, place).await? {
        let statement = create_keyspace(place, dialect(&session, place).await?);
        run(&session, place, &statement).await?;
        done.push(statement);
    }
    let differences = differences(tables, &columns(&session, place).await?);
    if differences.iter().any(|difference| difference.remedy(&place.keyspace).is_none()) {
        return Err(refusal(place, &differences));
    }
    for difference in differences {
        let statement = difference.remedy(&place.keyspace).unwrap_or_default();
        run(&session, place, &statement).await?;
        done.push(statement);
    }
    Ok(done)
}

/// Refuses a schema that lacks something, or has something else than was declared.
pub(in crate::backends::store) async fn check(
    place: &Place,
    tables: &[&'static Table],
) -> Result<(), OpenError> {
    check_with(&cluster::connect(place, CHANGE_MAX).await?, place, tables).await
}

pub(super) async fn check_with(
    session: &Session,
    place: &Place,
    tables: &[&'static Table],
) -> Result<(), OpenError> {
    if !has_keyspace(session, place).await? {
        let what = format!("there is no keyspace `{}`", place.keyspace);
        return Err(OpenError::Schema { what, remedy: APPLY.into() });
    }
    let differences = differences(tables, &columns(session, place).await?);
    if differences.is_empty() { Ok(()) } else { Err(refusal(place, &differences)) }
}

const APPLY: &str = "run `playhouse schema apply`";

fn refusal(place: &Place, differences: &[Difference]) -> OpenError {
    let foreign = differences.iter().filter(|difference| difference.remedy("").is_none());
    let foreign: Vec<String> = foreign.map(Difference::told).collect();
    let told: Vec<String> = match foreign.is_empty() {
        true => differences.iter().map(Difference::told).collect(),
        false => foreign.clone(),
    };
    let more = told.len().saturating_sub(DIFFERENCES_TOLD_MAX);
    let mut what = format!("keyspace `{}`: {}", place.keyspace, told[..told.len() - more].join("; "));
    if more > 0 {
        what.push_str(&format!("; and {more} more"));
    }
    let remedy = match foreign.is_empty() {
        true => APPLY,
        false => "this program did not make it: set another keyspace in backends.store, or copy the rows",
    };
    OpenError::Schema { what, remedy: remedy.into() }
}

const DIFFERENCES_TOLD_MAX: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Scylla,
    Cassandra,
}

async fn dialect(session: &Session, place: &Place) -> Result<Dialect, OpenError> {
    let text = "SELECT table_name FROM system_schema.tables \
        WHERE keyspace_name = 'system_schema' AND table_name = 'scylla_tables'";
    let is_scylla = !texts(session, place, text).await?.is_empty();
    Ok(if is_scylla { Dialect::Scylla } else { Dialect::Cassandra })
}

fn create_keyspace(place: &Place, dialect: Dialect) -> String {
    let count = place.replication;
    let replicas = match &place.datacenter {
        Some(name) => format!("'{name}': {count}"),
        None => format!("'replication_factor': {count}"),
    };
    let mut text = format!(
        "CREATE KEYSPACE IF NOT EXISTS {} WITH replication = {{'class': 'NetworkTopologyStrategy', {replicas}}}",
        place.keyspace
    );
    if dialect == Dialect::Scylla {
        text.push_str(&format!(" AND tablets = {{'enabled': {}}}", place.tablets));
    }
    text
}

/// What a keyspace has: the columns of each table by name, as `kind position order type`.
type Found = BTreeMap<String, BTreeMap<String, String>>;

/// Where a keyspace is not as declared.
enum Difference {
    NoTable(&'static Table),
    NoColumn(&'static Table, cql::CqlColumn),
    Other { table: &'static Table, column: cql::CqlColumn, found: String },
}

impl Difference {
    fn told(&self) -> String {
        match self {
            Difference::NoTable(table) => format!("table {} is missing", table.name),
            Difference::NoColumn(table, column) => {
                format!("column {}.{} is missing", table.name, column.name)
            }
            Difference::Other { table, column, found } => {
                format!("column {}.{} is `{found}` and not `{}`", table.name, column.name, told(column))
            }
        }
    }

    /// The statement that ends it; `None` if none can without touching rows that are there.
    fn remedy(&self, keyspace: &str) -> Option<String> {
        match self {
            Difference::NoTable(table) => Some(cql::create_statement(Some(keyspace), table)),
            Difference::NoColumn(table, column) if !column.is_key() => {
                let name = format!("{keyspace}.{}", table.name);
                Some(format!("ALTER TABLE {name} ADD {}", column.declaration()))
            }
            Difference::NoColumn(..) | Difference::Other { .. } => None,
        }
    }
}

fn told(column: &cql::CqlColumn) -> String {
    format!("{} {} {} {}", column.kind(), column.position(), column.order(), column.cql_type)
}

fn differences(tables: &[&'static Table], found: &Found) -> Vec<Difference> {
    let mut differences = Vec::new();
    for &table in tables {
        let Some(columns) = found.get(table.name) else {
            differences.push(Difference::NoTable(table));
            continue;
        };
        for column in cql::columns_of(table) {
            match columns.get(column.name) {
                None => differences.push(Difference::NoColumn(table, column)),
                Some(found) if *found != told(&column) => {
                    differences.push(Difference::Other { table, column, found: found.clone() });
                }
                Some(_) => {}
            }
        }
    }
    differences
}

async fn has_keyspace(session: &Session, place: &Place) -> Result<bool, OpenError> {
    let text = format!(
        "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = '{}'",
        place.keyspace
    );
    Ok(!texts(session, place, &text).await?.is_empty())
}

async fn columns(session: &Session, place: &Place) -> Result<Found, OpenError> {
    let text = format!(
        "SELECT table_name, column_name, kind, position, clustering_order, type FROM system_schema.columns \
         WHERE keyspace_name = '{}'",
        place.keyspace
    );
    let rows =
        query(session, place, &text).await?.into_rows_result().map_err(|error| failed(place, &error))?;
    let rows = rows
        .rows::<(String, String, String, i32, String, String)>()
        .map_err(|error| failed(place, &error))?;
    let mut found = Found::new();
    for row in rows {
        let (table, column, kind, position, order, cql_type) = row.map_err(|error| failed(place, &error))?;
        let told = format!("{kind} {position} {} {cql_type}", order.to_lowercase());
        found.entry(table).or_default().insert(column, told);
    }
    Ok(found)
}

async fn texts(session: &Session, place: &Place, text: &str) -> Result<Vec<String>, OpenError> {
    let rows =
        query(session, place, text).await?.into_rows_result().map_err(|error| failed(place, &error))?;
    let rows = rows.rows::<(String,)>().map_err(|error| failed(place, &error))?;
    let rows: Result<Vec<_>, _> = rows.collect();
    Ok(rows.map_err(|error| failed(place, &error))?.into_iter().map(|(text,)| text).collect())
}

async fn run(session: &Session, place: &Place, text: &str) -> Result<(), OpenError> {
    query(session, place, text).await.map(drop)
}

async fn query(
    session: &Session,
    place: &Place,
    text: &str,
) -> Result<scylla::response::query_result::QueryResult, OpenError> {
    let mut statement = Statement::new(text);
    // Schema statements say `IF NOT EXISTS` or are refused the second time.
    statement.set_is_idempotent(true);
    session.query_unpaged(statement, ()).await.map_err(|error| failed(place, &error))
}

fn failed(place: &Place, error: &dyn std::error::Error) -> OpenError {
    OpenError::Refused { nodes: place.nodes.join(", "), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::{Record, tables::tally::Member},
        *,
    };

    fn place(options: &str) -> Place {
        Place::read(&format!("//a/playhouse?{options}")).unwrap()
    }

    fn as_declared(table: &Table) -> Found {
        let columns = cql::columns_of(table).into_iter().map(|column| (column.name.into(), told(&column)));
        [(table.name.into(), columns.collect())].into()
    }

    fn tells(found: &Found) -> Vec<String> {
        differences(&[Member::TABLE], found).iter().map(Difference::told).collect()
    }

    #[test]
    fn each_dialect_gets_the_keyspace_it_understands() {
        let plain = "CREATE KEYSPACE IF NOT EXISTS playhouse WITH replication = \
            {'class': 'NetworkTopologyStrategy', 'replication_factor': 3}";
        assert_eq!(create_keyspace(&place(""), Dialect::Cassandra), plain);
        let scylla = create_keyspace(&place(""), Dialect::Scylla);
        assert_eq!(scylla, format!("{plain} AND tablets = {{'enabled': false}}"));
        let there = create_keyspace(&place("datacenter=dc1&replication=2&tablets=on"), Dialect::Scylla);
        assert!(there.ends_with("'dc1': 2} AND tablets = {'enabled': true}"), "{there}");
    }

    #[test]
    fn what_is_missing_is_added_and_what_differs_is_refused() {
        let whole = as_declared(Member::TABLE);
        assert_eq!(tells(&whole), [""; 0]);
        assert_eq!(tells(&Found::new()), ["table tally is missing"]);
        let without = |column: &str| {
            let mut found = whole.clone();
            found.get_mut("tally").unwrap().remove(column);
            found
        };
        let remedies = |found: &Found| {
            let remedies =
                differences(&[Member::TABLE], found).into_iter().map(|difference| difference.remedy("k"));
            remedies.collect::<Vec<_>>()
        };
        let add = Some("ALTER TABLE k.tally ADD totals frozen<map<int, bigint>> static".to_owned());
        assert_eq!(remedies(&without("totals")), [add]);
        assert_eq!(remedies(&without("member")), [None]);
        let mut other = whole.clone();
        other.get_mut("tally").unwrap().insert("value".into(), "regular -1 none text".into());
        assert_eq!(
            tells(&other),
            ["column tally.value is `regular -1 none text` and not `regular -1 none bigint`"]
        );
        assert_eq!(remedies(&other), [None]);
    }

    #[test]
    fn a_refusal_says_what_is_wrong_and_which_command_helps() {
        let missing = differences(&[Member::TABLE], &Found::new());
        let text = refusal(&place(""), &missing).to_string();
        assert!(
            text.contains("table tally is missing") && text.contains("`playhouse schema apply`"),
            "{text}"
        );
    }
}
