//! What a cell may hold, in any engine, and how Rust types become cells.

use std::collections::BTreeMap;

use crate::domain::clock::Timestamp;

/// A cell's content. The kinds are those that CQL, fjall and redb can all keep and, where allowed, order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Text(String),
    Int(i64),
    Bytes(Vec<u8>),
    /// Small numbered counters, always written and read as a whole: `frozen<map<int, bigint>>`.
    Counts(BTreeMap<i32, i64>),
}

/// The declared type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Int,
    Bytes,
    Counts,
}

impl Value {
    pub fn kind(&self) -> Kind {
        match self {
            Value::Text(_) => Kind::Text,
            Value::Int(_) => Kind::Int,
            Value::Bytes(_) => Kind::Bytes,
            Value::Counts(_) => Kind::Counts,
        }
    }
}

/// A Rust type that fills a column. `None` stands for an unset cell, which only `Option` columns may have.
pub trait Cell: Sized {
    const KIND: Kind;
    fn into_value(self) -> Option<Value>;
    /// `None` when the stored cell cannot be this type.
    fn from_value(value: Option<Value>) -> Option<Self>;
}

impl Cell for String {
    const KIND: Kind = Kind::Text;
    fn into_value(self) -> Option<Value> {
        Some(Value::Text(self))
    }
    fn from_value(value: Option<Value>) -> Option<Self> {
        if let Some(Value::Text(text)) = value { Some(text) } else { None }
    }
}

impl Cell for i64 {
    const KIND: Kind = Kind::Int;
    fn into_value(self) -> Option<Value> {
        Some(Value::Int(self))
    }
    fn from_value(value: Option<Value>) -> Option<Self> {
        if let Some(Value::Int(number)) = value { Some(number) } else { None }
    }
}

impl Cell for Vec<u8> {
    const KIND: Kind = Kind::Bytes;
    fn into_value(self) -> Option<Value> {
        Some(Value::Bytes(self))
    }
    fn from_value(value: Option<Value>) -> Option<Self> {
        if let Some(Value::Bytes(bytes)) = value { Some(bytes) } else { None }
    }
}

impl Cell for BTreeMap<i32, i64> {
    const KIND: Kind = Kind::Counts;
    fn into_value(self) -> Option<Value> {
        Some(Value::Counts(self))
    }
    fn from_value(value: Option<Value>) -> Option<Self> {
        if let Some(Value::Counts(counts)) = value { Some(counts) } else { None }
    }
}

impl Cell for bool {
    const KIND: Kind = Kind::Int;
    fn into_value(self) -> Option<Value> {
        Some(Value::Int(i64::from(self)))
    }
    fn from_value(value: Option<Value>) -> Option<Self> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl Cell for Timestamp {
    const KIND: Kind = Kind::Int;
    fn into_value(self) -> Option<Value> {
        Some(Value::Int(self.0))
    }
    fn from_value(value: Option<Value>) -> Option<Self> {
        i64::from_value(value).map(Timestamp)
    }
}

impl<T: Cell> Cell for Option<T> {
    const KIND: Kind = T::KIND;
    fn into_value(self) -> Option<Value> {
        self.and_then(T::into_value)
    }
    fn from_value(value: Option<Value>) -> Option<Self> {
        match value {
            None => Some(None),
            some => T::from_value(some).map(Some),
        }
    }
}

/// Keeps a type that has `Display` and `FromStr` as a text cell: `text_cell!(VideoId, Role)`.
#[macro_export]
macro_rules! text_cell {
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::backends::store::Cell for $type {
            const KIND: $crate::backends::store::Kind = $crate::backends::store::Kind::Text;
            fn into_value(self) -> Option<$crate::backends::store::Value> {
                Some($crate::backends::store::Value::Text(self.to_string()))
            }
            fn from_value(value: Option<$crate::backends::store::Value>) -> Option<Self> {
                <String as $crate::backends::store::Cell>::from_value(value)?.parse().ok()
            }
        }
    )+};
}

/// Keeps a serde type as a MessagePack blob: `blob_cell!(Renditions)`. For what is only read as a whole.
#[macro_export]
macro_rules! blob_cell {
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::backends::store::Cell for $type {
            const KIND: $crate::backends::store::Kind = $crate::backends::store::Kind::Bytes;
            fn into_value(self) -> Option<$crate::backends::store::Value> {
                let bytes = rmp_serde::to_vec_named(&self).expect("plain data always serialises");
                Some($crate::backends::store::Value::Bytes(bytes))
            }
            fn from_value(value: Option<$crate::backends::store::Value>) -> Option<Self> {
                rmp_serde::from_slice(&<Vec<u8> as $crate::backends::store::Cell>::from_value(value)?).ok()
            }
        }
    )+};
}

text_cell!(
    crate::domain::ids::UserId,
    crate::domain::ids::ChannelId,
    crate::domain::ids::VideoId,
    crate::domain::ids::UploadId,
    crate::domain::ids::FamilyId,
    crate::domain::ids::CommentId,
);
