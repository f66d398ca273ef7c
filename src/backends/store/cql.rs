//! The declared tables as CQL: what `schema/playhouse.cql` holds, `playhouse schema` prints and makes.
//!
//! Beside its declared columns every conditional table has a `version`: what conditional writes compare. It is static
//! where a partition has several rows. Nothing but partition keys, clustering order, statics and frozen maps
//! is used, so that ScyllaDB and Cassandra take the same text.

use super::{
    table::{ClusteringColumn, Order, Table, Writes},
    tables,
    value::Kind,
};

const HEAD: &str = "\
-- Generated from the declarations in src/backends/store/tables by `playhouse schema`; do not edit.
-- `playhouse schema apply` makes the keyspace and these tables in it.
";

/// Every declared table.
pub fn schema() -> String {
    let mut text = HEAD.to_string();
    for table in tables::ALL {
        text.push('\n');
        text.push_str(&create_table(table));
    }
    text
}

/// One statement, with the declaration's words above it.
pub fn create_table(table: &Table) -> String {
    format!("{}{};\n", comment_lines(table.about), create_statement(None, table))
}

/// A column as CQL has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CqlColumn {
    pub(super) name: &'static str,
    pub(super) cql_type: &'static str,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Partition(usize),
    Clustering(usize, Order),
    Static,
    Regular,
}

impl CqlColumn {
    /// As `system_schema.columns` calls it; `position` and `order` likewise.
    pub(super) fn kind(&self) -> &'static str {
        match self.place {
            Place::Partition(_) => "partition_key",
            Place::Clustering(..) => "clustering",
            Place::Static => "static",
            Place::Regular => "regular",
        }
    }

    pub(super) fn position(&self) -> String {
        match self.place {
            Place::Partition(index) | Place::Clustering(index, _) => index.to_string(),
            Place::Static | Place::Regular => "-1".into(),
        }
    }

    pub(super) fn order(&self) -> &'static str {
        match self.place {
            Place::Clustering(_, Order::Ascending) => "asc",
            Place::Clustering(_, Order::Descending) => "desc",
            _ => "none",
        }
    }

    pub(super) fn is_key(&self) -> bool {
        matches!(self.place, Place::Partition(_) | Place::Clustering(..))
    }

    /// As `CREATE TABLE` and `ALTER TABLE … ADD` take it.
    pub(super) fn declaration(&self) -> String {
        let suffix = if self.place == Place::Static { " static" } else { "" };
        format!("{} {}{suffix}", self.name, self.cql_type)
    }
}

/// Every column of a table, in the order they are created.
pub(super) fn columns_of(table: &Table) -> Vec<CqlColumn> {
    let column = |name, kind, place| CqlColumn { name, cql_type: cql_type(kind), place };
    let partition = table.partition.iter().enumerate();
    let partition = partition.map(|(index, key)| column(key.name, key.kind, Place::Partition(index)));
    let clustering = table.clustering.iter().enumerate();
    let clustering =
        clustering.map(|(index, key)| column(key.name, key.kind, Place::Clustering(index, key.order)));
    let statics = table.statics.iter().map(|shared| column(shared.name, shared.kind, Place::Static));
    let version = (table.writes == Writes::Conditional).then(|| {
        let place = if table.clustering.is_empty() { Place::Regular } else { Place::Static };
        column("version", Kind::Bytes, place)
    });
    let columns = table.columns.iter().map(|other| column(other.name, other.kind, Place::Regular));
    partition.chain(clustering).chain(statics).chain(version).chain(columns).collect()
}

/// Without the semicolon; in a keyspace if one is named.
pub(super) fn create_statement(keyspace: Option<&str>, table: &Table) -> String {
    let name =
        keyspace.map_or_else(|| table.name.to_owned(), |keyspace| format!("{keyspace}.{}", table.name));
    let mut lines: Vec<String> = columns_of(table).iter().map(CqlColumn::declaration).collect();
    lines.push(primary_key(table));
    let order = clustering_order(table.clustering);
    format!("CREATE TABLE IF NOT EXISTS {name} (\n    {}\n){order}", lines.join(",\n    "))
}

fn comment_lines(about: &str) -> String {
    about.lines().map(|line| format!("-- {}\n", line.trim())).collect()
}

fn cql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Int => "bigint",
        Kind::Bytes => "blob",
        Kind::Counts => "frozen<map<int, bigint>>",
    }
}

fn primary_key(table: &Table) -> String {
    let partition: Vec<&str> = table.partition.iter().map(|column| column.name).collect();
    let mut key = format!("PRIMARY KEY (({})", partition.join(", "));
    table.clustering.iter().for_each(|column| key.push_str(&format!(", {}", column.name)));
    key + ")"
}

fn clustering_order(clustering: &[ClusteringColumn]) -> String {
    if clustering.is_empty() {
        return String::new();
    }
    let order = |column: &ClusteringColumn| {
        let order = if column.order == Order::Ascending { "ASC" } else { "DESC" };
        format!("{} {order}", column.name)
    };
    format!(" WITH CLUSTERING ORDER BY ({})", clustering.iter().map(order).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::Path};

    use super::{super::embedded::name_hash, *};

    /// Words that CQL does not take as a name without quotes, in ScyllaDB or in Cassandra.
    const RESERVED: &str = "add allow alter and apply asc authorize batch begin by columnfamily create default \
        delete desc describe drop entries execute from full grant if in index infinity insert into is keyspace \
        limit materialized mbean mbeans modify nan norecursive not null of on or order password primary rename \
        replace revoke schema select set table to token truncate unlogged unset update use using view where with";

    fn names(table: &Table) -> Vec<&'static str> {
        let keys = table.partition.iter().map(|column| column.name);
        let keys = keys.chain(table.clustering.iter().map(|column| column.name));
        keys.chain(table.statics.iter().chain(table.columns).map(|column| column.name)).collect()
    }

    #[test]
    fn the_schema_file_is_what_the_declarations_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/playhouse.cql");
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(&path, schema()).unwrap();
        }
        let file = std::fs::read_to_string(path).unwrap();
        assert!(file == schema(), "run UPDATE_SCHEMA=1 cargo test --lib schema_file");
    }

    #[test]
    fn no_name_is_reserved_or_used_twice() {
        for table in tables::ALL {
            let mut names = names(table);
            names.push(table.name);
            names.iter().for_each(|name| assert!(!RESERVED.split(' ').any(|word| word == *name), "{name}"));
            names.push("version");
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "a name occurs twice in {}", table.name);
        }
    }

    #[test]
    fn no_two_tables_and_no_two_columns_of_one_share_a_stored_name() {
        let mut hashes = BTreeMap::new();
        for table in tables::ALL {
            assert_eq!(hashes.insert(name_hash(table.name), table.name), None, "{}", table.name);
            for columns in [table.columns, table.statics] {
                let hashes: BTreeMap<u32, &str> =
                    columns.iter().map(|column| (name_hash(column.name), column.name)).collect();
                assert_eq!(hashes.len(), columns.len(), "{}", table.name);
            }
        }
    }

    #[test]
    fn keys_hold_only_what_can_be_ordered_and_statics_only_partitions_with_rows() {
        for table in tables::ALL {
            let keys = table.partition.iter().map(|column| column.kind);
            let mut keys = keys.chain(table.clustering.iter().map(|column| column.kind));
            assert!(keys.all(|kind| kind != Kind::Counts), "{}", table.name);
            assert!(table.statics.is_empty() || !table.clustering.is_empty(), "{}", table.name);
            assert!(table.statics.is_empty() || table.writes == Writes::Conditional, "{}", table.name);
        }
    }

    #[test]
    fn a_table_reads_as_it_was_declared() {
        let text = create_table(<tables::tally::Member as super::super::Record>::TABLE);
        assert!(text.starts_with("-- A member of a tally."), "{text}");
        let end = "    totals frozen<map<int, bigint>> static,\n    closed bigint static,\n    generation bigint static,\n    \
            revision bigint static,\n    version blob static,\n    value bigint,\n    \
            PRIMARY KEY ((target, kind, bucket), member)\n) WITH CLUSTERING ORDER BY (member ASC);\n";
        assert!(text.ends_with(end), "{text}");
    }
}
