//! The CQL of each question and each write, from a table's declaration alone. Every `?` of a partition's key is bound,
//! so that the driver knows which nodes to ask.

use std::fmt::Write;

use super::super::table::{Order, Table, Writes};

/// What a statement is for; with the table it names one prepared statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    /// One row, and in conditional tables of single rows its version.
    Get,
    /// Rows of some values of the one clustering column.
    GetSome,
    /// The version of a partition and its statics.
    Shared,
    Range(Range),
    Put,
    Delete,
    /// Every row of a partition, but not what they share.
    Clear,
    DeletePartition,
    /// The conditional part of a write: compares the version, sets it, and with it the statics or the single row.
    Head,
    EveryRow,
    EveryPartition,
}

/// Part of a partition: the first columns of the clustering key equal something, the next lies between bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Range {
    pub(super) equal: usize,
    pub(super) low: Edge,
    pub(super) high: Edge,
    pub(super) reversed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Edge {
    Open,
    Included,
    Excluded,
}

impl Edge {
    fn operator(self, sign: char) -> Option<String> {
        match self {
            Edge::Open => None,
            Edge::Included => Some(format!("{sign}=")),
            Edge::Excluded => Some(sign.to_string()),
        }
    }
}

/// Whether the table is conditional and its partitions have one row each: then the version stands in that row.
pub(super) fn is_single(table: &Table) -> bool {
    table.writes == Writes::Conditional && table.clustering.is_empty()
}

/// Rows are read as the first column of the partition's key (so that there always is one), the clustering key, the
/// other columns and, in conditional tables of single rows, the version.
pub(super) fn text(keyspace: &str, table: &Table, shape: Shape) -> String {
    let names = Names::of(table);
    let from = format!("{keyspace}.{}", table.name);
    let partition = equal(&names.partition);
    let row = equal(&[names.partition.clone(), names.clustering.clone()].concat());
    match shape {
        Shape::Get => format!("SELECT {} FROM {from} WHERE {row}", names.row()),
        Shape::GetSome => {
            format!("SELECT {} FROM {from} WHERE {partition} AND {} IN ?", names.row(), names.clustering[0])
        }
        Shape::Shared => format!("SELECT DISTINCT {} FROM {from} WHERE {partition}", names.shared()),
        Shape::Range(range) => range_text(&names, table, &from, range),
        Shape::Put => {
            let all = [names.partition, names.clustering, names.columns].concat();
            let marks = vec!["?"; all.len()].join(", ");
            format!("INSERT INTO {from} ({}) VALUES ({marks}) USING TTL ?", all.join(", "))
        }
        Shape::Delete => format!("DELETE FROM {from} WHERE {row}"),
        Shape::Clear => format!("DELETE FROM {from} WHERE {partition} AND {} >= ?", names.clustering[0]),
        Shape::DeletePartition => format!("DELETE FROM {from} WHERE {partition}"),
        Shape::Head => {
            let own = if is_single(table) { &names.columns } else { &names.statics };
            let set: Vec<String> = [&["version"], own.as_slice()].concat().iter().map(set).collect();
            format!("UPDATE {from} USING TTL ? SET {} WHERE {partition} IF version = ?", set.join(", "))
        }
        Shape::EveryRow => format!("SELECT {} FROM {from}", names.keys_and_version(is_single(table))),
        Shape::EveryPartition => format!("SELECT DISTINCT {} FROM {from}", names.shared()),
    }
}

struct Names {
    partition: Vec<&'static str>,
    clustering: Vec<&'static str>,
    statics: Vec<&'static str>,
    columns: Vec<&'static str>,
    single: bool,
}

impl Names {
    fn of(table: &Table) -> Self {
        Self {
            partition: table.partition.iter().map(|column| column.name).collect(),
            clustering: table.clustering.iter().map(|column| column.name).collect(),
            statics: table.statics.iter().map(|column| column.name).collect(),
            columns: table.columns.iter().map(|column| column.name).collect(),
            single: is_single(table),
        }
    }

    fn row(&self) -> String {
        let mut names = [&self.partition[..1], self.clustering.as_slice(), self.columns.as_slice()].concat();
        names.extend(self.single.then_some("version"));
        names.join(", ")
    }

    fn shared(&self) -> String {
        [self.partition.as_slice(), &["version"], self.statics.as_slice()].concat().join(", ")
    }

    fn keys_and_version(&self, version: bool) -> String {
        let mut names = [&self.partition[..1], self.clustering.as_slice()].concat();
        names.extend(version.then_some("version"));
        names.join(", ")
    }
}

fn range_text(names: &Names, table: &Table, from: &str, range: Range) -> String {
    let fixed = [names.partition.as_slice(), &names.clustering[..range.equal]].concat();
    let mut text = format!("SELECT {} FROM {from} WHERE {}", names.row(), equal(&fixed));
    for operator in [range.low.operator('>'), range.high.operator('<')].into_iter().flatten() {
        write!(text, " AND {} {operator} ?", names.clustering[range.equal])
            .expect("a string takes all that is written");
    }
    if range.reversed {
        let reversed = |order| if order == Order::Ascending { "DESC" } else { "ASC" };
        let orders =
            table.clustering.iter().map(|column| format!("{} {}", column.name, reversed(column.order)));
        text.push_str(" ORDER BY ");
        text.push_str(&orders.collect::<Vec<_>>().join(", "));
    }
    text.push_str(" LIMIT ?");
    text
}

fn set(name: &&str) -> String {
    format!("{name} = ?")
}

fn equal(names: &[&str]) -> String {
    names.iter().map(set).collect::<Vec<_>>().join(" AND ")
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::{
            Record,
            tables::{account::Account, feed::FeedEntry, room::ReplyPointer, tally::Member},
        },
        *,
    };

    #[test]
    fn the_members_of_a_tally_are_written_by_one_conditional_batch() {
        let text = |shape| text("k", Member::TABLE, shape);
        assert_eq!(
            text(Shape::Head),
            "UPDATE k.tally USING TTL ? SET version = ?, totals = ?, closed = ?, generation = ?, revision = ? \
             WHERE target = ? AND kind = ? AND bucket = ? IF version = ?"
        );
        assert_eq!(
            text(Shape::Put),
            "INSERT INTO k.tally (target, kind, bucket, member, value) VALUES (?, ?, ?, ?, ?) USING TTL ?"
        );
        assert_eq!(
            text(Shape::GetSome),
            "SELECT target, member, value FROM k.tally WHERE target = ? AND kind = ? AND bucket = ? AND member IN ?"
        );
        assert_eq!(
            text(Shape::Shared),
            "SELECT DISTINCT target, kind, bucket, version, totals, closed, generation, revision FROM k.tally \
             WHERE target = ? AND kind = ? AND bucket = ?"
        );
        let clear = "DELETE FROM k.tally WHERE target = ? AND kind = ? AND bucket = ? AND member >= ?";
        assert_eq!(text(Shape::Clear), clear);
    }

    #[test]
    fn a_single_row_stands_beside_its_version() {
        let text = |shape| text("k", Account::TABLE, shape);
        assert!(text(Shape::Get).ends_with("created_at, version FROM k.accounts WHERE user_id = ?"));
        let head = text(Shape::Head);
        assert!(head.starts_with("UPDATE k.accounts USING TTL ? SET version = ?, username = ?"), "{head}");
        assert!(head.ends_with(" WHERE user_id = ? IF version = ?"), "{head}");
    }

    #[test]
    fn ranges_go_in_the_declared_order_and_against_it() {
        let entries = |range| text("k", FeedEntry::TABLE, Shape::Range(range));
        let range = Range { equal: 0, low: Edge::Included, high: Edge::Excluded, reversed: false };
        assert_eq!(
            entries(range),
            "SELECT feed, at, video_id FROM k.feed_entries WHERE feed = ? AND bucket = ? AND at >= ? AND at < ? LIMIT ?"
        );
        let range = Range { equal: 1, low: Edge::Open, high: Edge::Excluded, reversed: true };
        assert_eq!(
            entries(range),
            "SELECT feed, at, video_id FROM k.feed_entries WHERE feed = ? AND bucket = ? AND at = ? \
             AND video_id < ? ORDER BY at ASC, video_id DESC LIMIT ?"
        );
    }

    #[test]
    fn a_plain_table_knows_no_version() {
        for shape in [Shape::Get, Shape::Put, Shape::Delete, Shape::DeletePartition, Shape::EveryRow] {
            let text = text("k", ReplyPointer::TABLE, shape);
            assert!(!text.contains("version") && !text.contains(" IF "), "{text}");
        }
    }
}
