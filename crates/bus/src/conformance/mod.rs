//! What every engine must do, one test per promise.
//!
//! An engine's tests name a [`Rig`] and instantiate [`conformance_tests!`](crate::conformance_tests);
//! every clause is then a test of its own. A failing clause panics, as tests do.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "these are tests that happen to be shared between crates"
)]

mod claims;
mod delivery;
mod durability;
mod following;
mod foreign;
mod repeats;
mod sample;

pub use claims::*;
pub use delivery::*;
pub use durability::*;
pub use following::*;
pub use foreign::*;
pub use repeats::*;
pub use sample::{decision, market, order_unit, record, source, tick};

use crate::{Bus, Topology};

/// An engine under test, and what can happen to it.
pub trait Rig {
    /// The engine.
    fn bus(&mut self) -> &mut dyn Bus;

    /// The streams it was opened with.
    fn topology(&self) -> Topology;

    /// Shuts it down and starts it again.
    fn restart(&mut self);

    /// Ends it without a word and starts it again.
    fn crash(&mut self);

    /// Loses everything and starts it again, as a new log.
    fn recreate(&mut self);

    /// Restores an older state of the same log, which holds the entries below `index`.
    fn rewind_to(&mut self, index: u64);

    /// Leaves room for some more units, and market data refused before them.
    fn fill(&mut self);

    /// Lets a stranger write bytes into the bus, and waits until it is to be seen; false where no
    /// stranger can.
    fn intrude(&mut self, _bytes: &[u8]) -> bool {
        false
    }

    /// Whether a single writer can know positions before it commits.
    fn is_predictable(&self) -> bool {
        true
    }
}

/// Makes one test of every clause: `conformance_tests!(MyRig::new)` in a test module.
#[macro_export]
macro_rules! conformance_tests {
    ($make:expr) => {
        $crate::conformance_tests!(@ $make;
            who_claims_a_source_fences_who_wrote_it_before
            a_claim_survives_a_restart_and_the_next_is_later
            a_claim_is_of_one_source
            what_was_answered_survives_a_crash
            what_was_answered_survives_a_restart
            a_key_is_delivered_in_the_order_it_was_accepted
            units_become_visible_whole
            a_refused_unit_leaves_nothing
            a_refused_call_leaves_none_of_its_units
            a_progress_record_follows_its_outputs
            a_unit_without_outputs_is_remembered
            a_repeat_is_stored_by_whom_but_delivered_once
            a_repeat_is_found_long_after
            a_repeat_within_one_call_is_answered_once
            a_unit_without_outputs_is_stored_once
            a_unit_half_known_stores_its_other_half
            the_same_sequence_with_other_bytes_is_a_conflict
            the_same_id_under_another_sequence_is_a_conflict
            a_gap_in_a_source_is_refused
            an_output_of_another_source_is_refused
            a_known_root_is_answered_whatever_time_it_was_stamped
            a_root_that_says_something_else_is_rejected
            what_a_source_has_done_survives_a_restart
            a_cursor_goes_on_where_it_was
            cursors_do_not_disturb_each_other
            a_recreated_log_is_noticed
            a_rewound_log_is_noticed
            a_checkpoint_is_read_back
            partitions_follow_from_the_key
            sequences_ascend_within_a_partition
            positions_are_predictable
            entries_are_read_from_any_index
            a_time_is_found
            an_event_is_found_by_its_id
            bytes_are_delivered_as_received
            market_data_gives_way_when_room_is_short
            a_reader_sees_every_entry_in_order_and_goes_on
            a_reader_begins_wherever_it_is_told_to
            a_reader_is_woken_by_what_another_thread_commits
            what_is_refused_is_shown_to_no_reader
            a_closed_bus_accepts_nothing_and_wakes_its_readers
            what_a_stranger_writes_is_an_entry_and_stops_nobody
            what_a_stranger_wrote_survives_a_restart
            a_writer_that_knows_its_places_is_told_when_they_moved
        );
    };
    (@ $make:expr; $($clause:ident)*) => {$(
        #[test]
        fn $clause() {
            $crate::conformance::$clause(&mut $make());
        }
    )*};
}
