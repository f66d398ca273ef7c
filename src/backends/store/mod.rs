//! Rows: tables declared once, eight verbs over them, and the engines that keep them.
//! Actors write here and nobody else does; handlers may read. Nothing outside names a driver.

pub mod cql;
mod embedded;
mod engine;
mod open;
mod row_cache;
pub mod schema;
mod scylla;
mod table;
pub mod tables;
mod typed;
mod value;
mod watched;

pub use embedded::CommitObserver;
pub use engine::{
    Change, Decide, Direction, Engine, Key, Put, Reads, Row, RowPage, Scan, Snapshot, StoreError, StoreResult,
};
pub use open::{OpenError, Settings, open, open_with};
pub use row_cache::RowCache;
pub use table::{Cells, ClusteringColumn, Column, Order, Record, Table, Writes};
pub use typed::{Edit, Query, Store, View};
pub use value::{Cell, Kind, Value};
pub use watched::{KEPT_FOR, Versions, Watched, Written};

#[cfg(test)]
mod tests {
    use super::*;

    crate::record! {
        /// A table to try declarations on.
        pub struct Sample in conditional "sample" {
            partition { name: String, bucket: i64 }
            clustering { offset: i64, Descending; }
            columns { text: String, at_ms: Option<i64> }
            statics SampleStatics { live: i64 }
        }
    }

    #[test]
    fn a_record_survives_the_way_into_cells_and_back() {
        let row = Sample { name: "a".into(), bucket: 2, offset: 3, text: "x".into(), at_ms: None };
        let columns = row.clone().into_columns();
        let back = Sample::from_parts(row.partition().into_key(), row.clustering().into_key(), columns);
        assert_eq!(back, Some(row));
        assert_eq!(Sample::TABLE.clustering[0].order, Order::Descending);
        assert_eq!(Sample::TABLE.statics[0].name, "live");
    }
}
