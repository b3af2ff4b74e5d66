//! No bytes upset the reader of a snapshot, also those whose digest is right.

use alloc::{vec, vec::Vec};

use event::choices::Side;
use fuzz::Target;

use super::journal::*;
use crate::{Books, snapshot::sealed};

/// The bytes of the state within a snapshot: they come last.
fn state_of(books: &Books) -> Vec<u8> {
    let snapshot = books.snapshot();
    let state = (0..snapshot.len()).map(|at| &snapshot[at..]);
    state.into_iter().find(|state| sealed(state) == snapshot).unwrap().to_vec()
}

#[test]
fn no_state_under_a_right_digest_upsets_the_reader_of_snapshots() {
    let mut corpus = vec![Vec::new()];
    let mut journal = Journal::opened();
    for (name, side) in [(SPOT, Side::Buy), (SPOT, Side::Sell), (LINEAR, Side::Sell)] {
        let _ = journal.working(name, side, "3");
        let _ = journal.traded(name, side, "1", "10");
        corpus.push(state_of(&journal.books));
    }
    let target = Target { memory_bytes: 4 << 20, ..Target::new("states of the fold", corpus) };
    target.run(|state| {
        let Ok(books) = Books::restore(&sealed(state)) else { return false };
        assert_eq!(Books::restore(&books.snapshot()), Ok(books));
        true
    });
}
