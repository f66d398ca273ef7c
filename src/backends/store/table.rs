//! How a table is declared: once, with [`record!`](crate::record), as a Rust struct. The embedded key encoding,
//! the CQL in `schema/` and the typed reads and writes all come from that declaration.

use super::value::{Kind, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Ascending,
    Descending,
}

#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy)]
pub struct ClusteringColumn {
    pub name: &'static str,
    pub kind: Kind,
    pub order: Order,
}

/// A declared table. Rows of one partition are kept together in clustering order; a table without clustering
/// columns has one row a partition.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub about: &'static str,
    pub partition: &'static [Column],
    pub clustering: &'static [ClusteringColumn],
    pub columns: &'static [Column],
    /// Shared by all rows of a partition and written only by `update_partition`.
    pub statics: &'static [Column],
    pub writes: Writes,
}

/// How rows of a table may be written. On a CQL store a plain write and one that depends on what is there must not meet in
/// a row, and the latter costs several times as much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// By `put`, `delete` and `delete_partition`: the last one wins.
    Plain,
    /// By `insert_if_absent` and `update_partition` too.
    Conditional,
}

/// A row of a declared table. Implemented by [`record!`](crate::record) only.
pub trait Record: Sized + Send + 'static {
    const TABLE: &'static Table;
    /// Whether writes may depend on what is there; known when the program is built.
    const CONDITIONAL: bool = matches!(Self::TABLE.writes, Writes::Conditional);
    /// A tuple of the partition columns.
    type Partition: Cells + Clone;
    /// A tuple of the clustering columns; `()` where there are none.
    type Clustering: Cells + Clone;
    type Statics: Cells + Clone;

    fn partition(&self) -> Self::Partition;
    fn clustering(&self) -> Self::Clustering;
    /// The values of `TABLE.columns`, in that order.
    fn into_columns(self) -> Vec<Option<Value>>;
    /// `None` when the stored cells do not fit the declaration.
    fn from_parts(partition: Vec<Value>, clustering: Vec<Value>, columns: Vec<Option<Value>>)
    -> Option<Self>;
}

/// A fixed sequence of cells: key tuples and static columns.
pub trait Cells: Sized + Send + 'static {
    fn into_cells(self) -> Vec<Option<Value>>;
    fn from_cells(cells: Vec<Option<Value>>) -> Option<Self>;

    /// The cells of a key, which are never unset.
    fn into_key(self) -> Vec<Value> {
        self.into_cells().into_iter().map(|cell| cell.expect("key columns are never optional")).collect()
    }
}

macro_rules! cells_of_tuples {
    ($(($($name:ident),*))+) => {$(
        impl<$($name: super::value::Cell + Send + 'static),*> Cells for ($($name,)*) {
            fn into_cells(self) -> Vec<Option<Value>> {
                #[expect(non_snake_case, reason = "the tuple's parts are named as their types")]
                let ($($name,)*) = self;
                vec![$($name.into_value()),*]
            }
            fn from_cells(cells: Vec<Option<Value>>) -> Option<Self> {
                let mut cells = cells.into_iter();
                let tuple = ($($name::from_value(cells.next()?)?,)*);
                cells.next().is_none().then_some(tuple)
            }
        }
    )+};
}

cells_of_tuples! { (A) (A, B) (A, B, C) (A, B, C, D) }

impl Cells for () {
    fn into_cells(self) -> Vec<Option<Value>> {
        Vec::new()
    }
    fn from_cells(cells: Vec<Option<Value>>) -> Option<Self> {
        cells.is_empty().then_some(())
    }
}

/// Declares a table together with the struct of its rows.
///
/// ```ignore
/// record! {
///     /// Who said what in a room, newest first.
///     pub struct Entry in conditional "room_entries" {      // without the word: see `Writes`
///         partition { video_id: VideoId, bucket: i64 }
///         clustering { offset: i64, Descending; }
///         columns { text: String, at_ms: Option<i64> }
///         statics EntryBucket { live: i64 }      // may be left out
///     }
/// }
/// ```
#[macro_export]
macro_rules! record {
    (
        $(#[doc = $doc:literal])+
        pub struct $name:ident in $($writes:ident)? $table:literal {
            partition { $($pk:ident: $pk_type:ty),+ $(,)? }
            clustering { $($ck:ident: $ck_type:ty, $order:ident);* $(;)? }
            columns { $($col:ident: $col_type:ty),* $(,)? }
            $(statics $statics:ident { $($st:ident: $st_type:ty),+ $(,)? })?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $(pub $pk: $pk_type,)+
            $(pub $ck: $ck_type,)*
            $(pub $col: $col_type,)*
        }

        $(
            #[doc = concat!("What all rows of one partition of `", $table, "` share.")]
            #[derive(Debug, Clone, Default, PartialEq)]
            pub struct $statics {
                $(pub $st: $st_type,)+
            }

            impl $crate::backends::store::Cells for $statics {
                fn into_cells(self) -> Vec<Option<$crate::backends::store::Value>> {
                    vec![$($crate::backends::store::Cell::into_value(self.$st)),+]
                }
                fn from_cells(cells: Vec<Option<$crate::backends::store::Value>>) -> Option<Self> {
                    let mut cells = cells.into_iter();
                    Some(Self { $($st: $crate::backends::store::Cell::from_value(cells.next()?)?),+ })
                }
            }
        )?

        impl $crate::backends::store::Record for $name {
            const TABLE: &'static $crate::backends::store::Table = &$crate::backends::store::Table {
                name: $table,
                about: concat!($($doc, "\n"),+),
                partition: &[$($crate::backends::store::Column {
                    name: stringify!($pk),
                    kind: <$pk_type as $crate::backends::store::Cell>::KIND,
                }),+],
                clustering: &[$($crate::backends::store::ClusteringColumn {
                    name: stringify!($ck),
                    kind: <$ck_type as $crate::backends::store::Cell>::KIND,
                    order: $crate::backends::store::Order::$order,
                }),*],
                columns: &[$($crate::backends::store::Column {
                    name: stringify!($col),
                    kind: <$col_type as $crate::backends::store::Cell>::KIND,
                }),*],
                statics: &[$($($crate::backends::store::Column {
                    name: stringify!($st),
                    kind: <$st_type as $crate::backends::store::Cell>::KIND,
                }),+)?],
                writes: $crate::record!(@writes $($writes)?),
            };

            type Partition = ($($pk_type,)+);
            type Clustering = ($($ck_type,)*);
            type Statics = $crate::record!(@statics $($statics)?);

            fn partition(&self) -> Self::Partition {
                ($(self.$pk.clone(),)+)
            }

            fn clustering(&self) -> Self::Clustering {
                $crate::record!(@clustering self $($ck)*)
            }

            fn into_columns(self) -> Vec<Option<$crate::backends::store::Value>> {
                vec![$($crate::backends::store::Cell::into_value(self.$col)),*]
            }

            fn from_parts(
                partition: Vec<$crate::backends::store::Value>,
                clustering: Vec<$crate::backends::store::Value>,
                columns: Vec<Option<$crate::backends::store::Value>>,
            ) -> Option<Self> {
                let mut cells = partition.into_iter().chain(clustering).map(Some).chain(columns);
                Some(Self {
                    $($pk: $crate::backends::store::Cell::from_value(cells.next()?)?,)+
                    $($ck: $crate::backends::store::Cell::from_value(cells.next()?)?,)*
                    $($col: $crate::backends::store::Cell::from_value(cells.next()?)?,)*
                })
            }
        }
    };
    (@clustering $row:ident) => { Default::default() };
    (@clustering $row:ident $($ck:ident)+) => { ($($row.$ck.clone(),)+) };
    (@writes) => { $crate::backends::store::Writes::Plain };
    (@writes conditional) => { $crate::backends::store::Writes::Conditional };
    (@statics) => { () };
    (@statics $statics:ident) => { $statics };
}
