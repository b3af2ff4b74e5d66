//! What a correction leaves of an execution.

use event::{Amount, choices::Side};

use super::journal::*;

#[test]
fn an_execution_corrected_to_nothing_and_back_keeps_its_side() {
    for (side, sign) in [(Side::Buy, 1), (Side::Sell, -1)] {
        let mut journal = Journal::opened();
        let order = journal.working(SPOT, side, "2");
        journal.note(executed(order, SPOT, side, "A", "2", "100"));
        journal.note(corrected(order, SPOT, "A", "C1", ("0", "100", "0")));
        assert_eq!(journal.position(SPOT).quantity, Amount::ZERO);
        journal.note(corrected(order, SPOT, "A", "C2", ("1", "100", "0")));
        assert_eq!(journal.position(SPOT).quantity, Amount::whole(sign), "{side}");
        let cash = Amount::whole(1_000_000).minus(Amount::whole(100 * sign)).unwrap();
        assert_eq!((journal.cash("USDT"), journal.cash("BTC")), (cash, Amount::whole(sign)));
        let kept = journal.order(order);
        assert_eq!((kept.cumulative, kept.executions), (Amount::whole(1), 1));
    }
}

#[test]
fn a_correction_ahead_of_its_execution_leaves_it_its_side() {
    for (side, sign) in [(Side::Buy, 1), (Side::Sell, -1)] {
        for told in ["0", "2"] {
            let mut journal = Journal::opened();
            let order = journal.working(SPOT, side, "2");
            journal.note(corrected(order, SPOT, "A", "C1", ("1", "100", "0")));
            journal.note(executed(order, SPOT, side, "A", told, "90"));
            let position = journal.position(SPOT);
            let expected = (Amount::whole(sign), Amount::whole(100 * sign));
            assert_eq!((position.quantity, position.total_cost), expected, "{side} {told}");
        }
    }
}
