//! The cases of the store's conformance suite, by what they are about: what every engine must do.

use playhouse::record;

pub mod bed;
pub mod conditions;
pub mod counted;
pub mod expiry;
pub mod limits;
pub mod order;
pub mod tallies;

pub use bed::Bed;

/// Hands every case to a macro of the binary that runs them: `folder { case, … } …`.
macro_rules! every_case {
    ($run:ident) => {
        $run! {
            order {
                absence_is_none_and_a_put_row_is_read_back,
                many_rows_of_a_partition_are_read_by_their_keys,
                rows_come_in_the_declared_order_of_every_column,
                a_descending_integer_column_orders_negative_numbers_too,
                ranges_hold_their_bounds_in_both_orders,
                cursors_walk_every_row_once_in_both_directions,
                a_cursor_of_several_columns_walks_every_row_once,
                partitions_with_similar_names_stay_apart,
                a_scan_of_nothing_is_an_empty_page,
            }
            conditions {
                of_many_inserts_at_once_exactly_one_wins,
                concurrent_updates_of_a_partition_all_count,
                a_change_is_applied_as_a_whole_with_its_statics,
                a_deleted_partition_is_gone_with_its_statics_and_no_other,
                a_deleted_row_may_come_again,
                an_empty_change_writes_nothing,
                an_update_of_a_single_row_sees_what_was_there,
                an_update_that_panics_fails_alone,
            }
            limits {
                keys_and_rows_beyond_the_limits_are_refused_and_harm_nothing,
            }
            expiry {
                a_row_is_absent_once_its_time_is_over,
                an_expired_row_is_no_obstacle_to_an_insert,
                statics_outlive_expired_rows,
                a_put_without_a_time_makes_a_row_permanent,
                a_put_with_a_time_takes_all_of_a_permanent_row_with_it,
                a_closed_store_refuses_and_reopens_with_everything,
                a_probe_writes_and_reads,
            }
            tallies {
                callers_with_and_without_a_common_memory_keep_one_set_while_generations_open,
                a_recount_repairs_totals_that_are_wrong,
                views_keep_their_count_when_their_rows_expire_and_a_recount_does_not_lower_it,
                the_same_batch_twice_counts_once,
                thousands_of_changes_at_once_find_who_is_in_an_older_generation,
            }
        }
    };
}
pub(crate) use every_case;

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
        columns { rank: i64 }
    }
}

record! {
    /// A text downwards.
    pub struct Named in "test_named" {
        partition { list: String }
        clustering { name: String, Descending; }
        columns { rank: i64 }
    }
}

record! {
    /// One row a partition.
    pub struct Single in conditional "test_single" {
        partition { name: String }
        clustering { }
        columns { count: i64 }
    }
}

record! {
    /// Rows that are counted in their partition's statics.
    pub struct Member in conditional "test_members" {
        partition { club: String }
        clustering { member: String, Ascending; }
        columns { value: i64 }
        statics MemberStatics { size: i64, sum: i64 }
    }
}
