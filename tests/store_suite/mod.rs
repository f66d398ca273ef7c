//! The cases of the store's conformance suite, by what they are about.

use playhouse::record;

pub mod conditions;
pub mod expiry;
pub mod failure;
pub mod kill;
pub mod order;

record! {
    /// Newest first, as a room's entries.
    pub struct Entry in "test_entries" {
        partition { room: String, bucket: i64 }
        clustering { offset: i64, Descending; }
        columns { text: String, at_ms: Option<i64> }
    }
}

record! {
    /// Ordered by text, then by number downwards, then by bytes.
    pub struct Mixed in "test_mixed" {
        partition { name: String }
        clustering { text: String, Ascending; number: i64, Descending; bytes: Vec<u8>, Ascending; }
        columns { index: i64 }
    }
}

record! {
    /// A text downwards.
    pub struct Named in "test_named" {
        partition { list: String }
        clustering { name: String, Descending; }
        columns { index: i64 }
    }
}

record! {
    /// One row a partition.
    pub struct Single in "test_single" {
        partition { name: String }
        clustering { }
        columns { count: i64 }
    }
}

record! {
    /// Rows that are counted in their partition's statics.
    pub struct Member in "test_members" {
        partition { set: String }
        clustering { member: String, Ascending; }
        columns { value: i64 }
        statics MemberStatics { size: i64, sum: i64 }
    }
}
