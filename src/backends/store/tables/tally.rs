//! Sets that are counted: see `domain::tally` for their rules and `backends::tallies` for who writes them.

use std::collections::BTreeMap;

use crate::{domain::tally::Kind, record, text_cell};

text_cell!(Kind);

record! {
    /// A member of a tally. `totals` counts this bucket's members by value; `closed` says that new members go to
    /// a newer generation; `generation`, in bucket 0, is the newest one; `revision` grows with every change.
    pub struct Member in conditional "tally" {
        partition { target: String, kind: Kind, bucket: i64 }
        clustering { member: String, Ascending; }
        columns { value: i64 }
        statics MemberBucket { totals: BTreeMap<i32, i64>, closed: bool, generation: i64, revision: i64 }
    }
}
