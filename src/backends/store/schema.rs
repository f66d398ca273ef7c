//! The declared tables on a cluster: what `playhouse schema` makes and checks. Embedded engines need none of it.

use super::scylla::schema;
use super::{
    Table,
    open::{OpenError, place},
};
use crate::backends::location::Location;

/// Whether the store a URI names keeps a schema of its own.
pub fn is_kept(uri: &str) -> bool {
    Location::of(uri).scheme == "scylla"
}

/// Makes the keyspace, tables and columns that are missing; answers with the statements it has run. What is there stays as
/// it is: a schema that differs otherwise is refused and left alone.
pub async fn apply(uri: &str, tables: &[&'static Table]) -> Result<Vec<String>, OpenError> {
    schema::apply(&place(uri)?, tables).await
}

/// Refuses a schema that is not as declared, as a start does. Columns and tables that nobody declared are no matter.
pub async fn check(uri: &str, tables: &[&'static Table]) -> Result<(), OpenError> {
    schema::check(&place(uri)?, tables).await
}
