//! What a basis keeps.

use alloc::vec::Vec;

use crate::{Evidence, testing::*};

#[test]
fn a_basis_keeps_sixteen_related_events_the_first_ones() {
    let ids: Vec<_> = (1..=20).map(id).collect();
    let evidence = ids.iter().fold(Evidence::default(), |so_far, one| so_far.related(Some(*one)));
    assert_eq!(evidence.related(None).basis().related, ids[..16]);
}
