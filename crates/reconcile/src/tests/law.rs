//! Whatever is told, held back or lost, books and broker come together.

use alloc::{vec, vec::Vec};

use event::choices::Side::{Buy, Sell};
use proptest::prelude::*;

use super::desk::{Arrives, Desk, Late, Now, Step, account};

/// What may happen to the `n`-th order, or beside orders.
#[derive(Clone, Debug)]
enum Happens {
    Order(bool),
    Lose(bool),
    Fill(prop::sample::Index, bool),
    Cancel(prop::sample::Index, bool),
    Manual,
    ManualOrder,
    Fee(bool),
    Funding(bool),
    Wait(i64),
    Tell,
    Restart,
}

fn happens() -> impl Strategy<Value = Happens> {
    use Happens::*;
    prop_oneof![
        3 => any::<bool>().prop_map(Order),
        1 => any::<bool>().prop_map(Lose),
        4 => any::<(prop::sample::Index, bool)>().prop_map(|(at, told)| Fill(at, told)),
        2 => any::<(prop::sample::Index, bool)>().prop_map(|(at, told)| Cancel(at, told)),
        1 => Just(Manual),
        1 => Just(ManualOrder),
        1 => any::<bool>().prop_map(Fee),
        1 => any::<bool>().prop_map(Funding),
        4 => (1_i64..40).prop_map(Wait),
        1 => Just(Tell),
        1 => Just(Restart),
    ]
}

fn run(happenings: &[Happens]) -> Desk {
    let mut desk = Desk::opened();
    for (number, happening) in happenings.iter().enumerate() {
        let told = |now: bool| if now { Now } else { Late };
        let name: &'static str =
            ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L"][number % 12];
        let working = |desk: &Desk, at: &prop::sample::Index| {
            let open: Vec<usize> = (0..desk.orders.len())
                .filter(|order| {
                    let order = desk.truth.order(desk.orders[*order]);
                    order.is_some_and(|(_, order)| order.state.is_at_broker())
                })
                .collect();
            (!open.is_empty()).then(|| open[at.index(open.len())])
        };
        let step = match happening {
            Happens::Order(buy) => Step::Order(if *buy { Buy } else { Sell }, "4"),
            Happens::Lose(true) => Step::Lose(Buy, "2", Arrives::Yes),
            Happens::Lose(false) => Step::Lose(Buy, "2", Arrives::No),
            Happens::Fill(at, now) => match working(&desk, at) {
                Some(which) => Step::Fill(which, "1", "100.25", told(*now)),
                None => continue,
            },
            Happens::Cancel(at, now) => match working(&desk, at) {
                Some(which) => Step::Cancel(which, told(*now)),
                None => continue,
            },
            Happens::Manual => Step::Manual(Sell, "3", "99"),
            Happens::ManualOrder => Step::ManualOrder(Buy, "2"),
            Happens::Fee(now) => Step::Fee(name, "1.25", told(*now)),
            Happens::Funding(now) => Step::Funding(name, "-0.75", told(*now)),
            Happens::Wait(seconds) => Step::Wait(*seconds),
            Happens::Tell => Step::Tell,
            Happens::Restart => Step::Restart,
        };
        desk.take(&step);
        // Executions of one instant have no order of their own, and cost depends on order.
        desk.take(&Step::Wait(1));
    }
    desk
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn books_and_broker_come_together_whatever_is_held_back(
        happenings in prop::collection::vec(happens(), 0..30),
    ) {
        let mut desk = run(&happenings);
        desk.take(&Step::Wait(400));
        prop_assert!(desk.agrees(), "{:?}", desk.transcript());
        prop_assert_eq!(desk.probe.agent().open_breaks(), 0, "{:?}", desk.transcript());
        // Reports that come after all that move no money; an order they seem to bring back, told
        // of after its end, is ended again.
        desk.take(&Step::Tell);
        prop_assert!(desk.agrees(), "{:?}", desk.transcript());
        desk.take(&Step::Wait(200));
        prop_assert_eq!(desk.probe.agent().open_breaks(), 0, "{:?}", desk.transcript());
        prop_assert!(desk.agrees(), "{:?}", desk.transcript());
        let ours = desk.probe.agent().books().account(account()).unwrap().clone();
        let truth = desk.truth.account(account()).unwrap();
        prop_assert_eq!(ours.executions().len(), truth.executions().len());
        for order in truth.open_orders().filter(|order| order.state.is_at_broker()) {
            let known = ours.order(order.order).unwrap();
            prop_assert_eq!(known.remaining(), order.remaining());
        }
        let open = ours.open_orders().filter(|order| order.state.is_at_broker()).count();
        let there = truth.open_orders().filter(|order| order.state.is_at_broker()).count();
        prop_assert_eq!(open, there);
    }
}
