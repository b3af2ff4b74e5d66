//! The life of an order against a model that has no table: what was asked, what the broker said, and
//! how much was executed.

use alloc::{format, string::String, vec, vec::Vec};

use event::{
    Amount, OrderId, Quantity, Timestamp,
    choices::{AttemptAction, RiskRule, Side},
    trading::{OrderDenied, OrderExpired, OrderLapsed, OrderRejected, OrderUnknown},
};
use proptest::prelude::*;

use super::journal::*;
use crate::{Finding, OrderState as S};

const SIZE: i64 = 10;

#[derive(Clone, Debug)]
enum Happens {
    Approve,
    Deny,
    Command,
    Lapse,
    Attempt,
    Lose,
    Accept,
    Execute(i64),
    Bust(prop::sample::Index),
    Reject,
    Cancel,
    Expire,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => Just(Happens::Approve),
        1 => Just(Happens::Deny),
        4 => Just(Happens::Command),
        1 => Just(Happens::Lapse),
        4 => Just(Happens::Attempt),
        2 => Just(Happens::Lose),
        4 => Just(Happens::Accept),
        6 => (1_i64..=SIZE).prop_map(Happens::Execute),
        2 => Just(Happens::Execute(SIZE)),
        2 => any::<prop::sample::Index>().prop_map(Happens::Bust),
        1 => Just(Happens::Reject),
        1 => Just(Happens::Cancel),
        1 => Just(Happens::Expire),
    ]
}

/// How far the order came, before anything of it was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    Wished,
    Refused,
    Allowed,
    Ordered,
    Unsent,
    Sent,
    Lost,
    Open,
    Turned,
    Withdrawn,
    RanOut,
}

use Reached as R;

/// An order as a clerk would keep it.
struct Clerk {
    reached: Reached,
    /// Sizes, and whether each still stands.
    executions: Vec<(i64, bool)>,
    /// It was executed in all once; what is taken back later does not open it again.
    done: bool,
}

impl Clerk {
    fn executed(&self) -> i64 {
        self.executions.iter().filter(|(_, stands)| *stands).map(|(size, _)| size).sum()
    }

    /// Whether the broker has it, as far as anybody knows.
    fn is_with_broker(&self) -> bool {
        matches!(self.reached, R::Sent | R::Lost | R::Open) && !self.done
    }

    /// Whether the broker had it and it came to an end there, but for a refusal.
    fn has_ended(&self) -> bool {
        self.done || matches!(self.reached, R::Withdrawn | R::RanOut)
    }

    /// Takes in what happens; false when it must not happen here.
    fn take(&mut self, happening: &Happens) -> bool {
        let allowed = self.step(happening);
        // An execution that was told too early counts once the order is open.
        self.done |= self.reached == R::Open && self.executed() >= SIZE;
        allowed
    }

    fn step(&mut self, happening: &Happens) -> bool {
        let (from, done) = (self.reached, self.done);
        let at_broker = self.is_with_broker();
        let mut go = |allowed: bool, to: Reached| {
            if allowed {
                self.reached = to;
            }
            allowed
        };
        match happening {
            Happens::Approve => go(from == R::Wished, R::Allowed),
            Happens::Deny => go(from == R::Wished, R::Refused),
            Happens::Command => go(from == R::Allowed, R::Ordered),
            Happens::Lapse => go(from == R::Ordered, R::Unsent),
            Happens::Attempt => go(!done && matches!(from, R::Ordered | R::Sent), R::Sent),
            Happens::Lose if done || matches!(from, R::Open | R::Withdrawn) => true,
            Happens::Lose => go(matches!(from, R::Sent | R::Lost), R::Lost),
            Happens::Accept if done || matches!(from, R::Open | R::Withdrawn) => true,
            Happens::Accept => go(matches!(from, R::Sent | R::Lost), R::Open),
            Happens::Reject => go((at_broker || from == R::Turned) && !done, R::Turned),
            Happens::Cancel => go((at_broker || from == R::Withdrawn) && !done, R::Withdrawn),
            Happens::Expire => go((at_broker || from == R::RanOut) && !done, R::RanOut),
            Happens::Execute(size) => {
                self.executions.push((*size, true));
                let allowed = self.is_with_broker() || self.has_ended();
                if allowed && self.is_with_broker() {
                    self.reached = R::Open;
                }
                self.done |= allowed && self.executed() >= SIZE;
                allowed
            }
            Happens::Bust(at) => {
                let standing: Vec<usize> =
                    (0..self.executions.len()).filter(|at| self.executions[*at].1).collect();
                if standing.is_empty() {
                    return true;
                }
                self.executions[*at.get(&standing)].1 = false;
                from == R::Open || self.has_ended()
            }
        }
    }

    fn state(&self) -> S {
        match self.reached {
            _ if self.done => S::Filled,
            R::Wished => S::Proposed,
            R::Refused => S::Denied,
            R::Allowed => S::Approved,
            R::Ordered => S::Commanded,
            R::Unsent => S::Lapsed,
            R::Sent => S::Submitted,
            R::Lost => S::Unknown,
            R::Open if self.executed() > 0 => S::PartiallyFilled,
            R::Open => S::Working,
            R::Turned => S::Rejected,
            R::Withdrawn => S::Cancelled,
            R::RanOut => S::Expired,
        }
    }
}

/// Tells the journal; returns whether the fold called it illegal.
fn tell(journal: &mut Journal, order: OrderId, clerk: &Clerk, happening: &Happens) -> bool {
    let before = journal.findings.len();
    let (account, instrument) = (account(), instrument(SPOT));
    let size = format!("{SIZE}");
    let action = AttemptAction::Submit;
    let _ = match happening {
        Happens::Approve => journal.note(approved(order, SPOT, Side::Buy, &size)),
        Happens::Deny => journal.note(OrderDenied {
            order,
            account,
            instrument,
            rule: RiskRule::Halted,
            limit: String::new(),
            observed: String::new(),
        }),
        Happens::Command => journal.note(submit(order, SPOT, Side::Buy, &size)),
        Happens::Lapse => journal.note(OrderLapsed {
            order,
            account,
            instrument,
            action,
            valid_until: Timestamp(0),
            session_time: Timestamp(1),
            reason: label("expired"),
            proposal: None,
        }),
        Happens::Attempt => journal.note(attempted(order, SPOT, action)),
        Happens::Lose => journal.note(OrderUnknown {
            order,
            account,
            instrument,
            action,
            attempt: 1,
            reason: "timeout".into(),
        }),
        Happens::Accept => journal.note(accepted(order, SPOT, Side::Buy, &size)),
        Happens::Execute(size) => {
            let name = format!("E{}", clerk.executions.len());
            journal.note(executed(order, SPOT, Side::Buy, &name, &format!("{size}"), "10"))
        }
        Happens::Bust(at) => {
            let standing: Vec<usize> =
                (0..clerk.executions.len()).filter(|at| clerk.executions[*at].1).collect();
            if standing.is_empty() {
                return false;
            }
            journal.note(busted(order, SPOT, &format!("E{}", at.get(&standing))))
        }
        Happens::Reject => journal.note(OrderRejected {
            order,
            account,
            instrument,
            code: label("r"),
            reason: String::new(),
        }),
        Happens::Cancel => journal.note(cancelled(order, SPOT)),
        Happens::Expire => journal.note(OrderExpired {
            order,
            account,
            instrument,
            cumulative: Quantity::ZERO,
            reason: String::new(),
        }),
    };
    let illegal = |finding: &Finding| matches!(finding, Finding::IllegalTransition { .. });
    journal.findings[before..].iter().any(illegal)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_life_of_an_order_agrees_with_a_model_without_a_table(
        begun in 0..=4_usize,
        rest in prop::collection::vec(happens(), 0..24),
    ) {
        // Most of what can happen needs an order that came far enough.
        let way = [Happens::Approve, Happens::Command, Happens::Attempt, Happens::Accept];
        let happenings: Vec<Happens> = way.into_iter().take(begun).chain(rest).collect();
        let mut journal = Journal::opened();
        let order = OrderId::from(journal.note(proposed(SPOT, Side::Buy, "10")));
        let mut clerk = Clerk { reached: R::Wished, executions: Vec::new(), done: false };
        for happening in &happenings {
            let illegal = tell(&mut journal, order, &clerk, happening);
            prop_assert_eq!(!illegal, clerk.take(happening), "{:?} of {:?}", happening, happenings);
            let known = journal.order(order);
            prop_assert_eq!(known.state, clerk.state(), "{:?} of {:?}", happening, happenings);
            prop_assert_eq!(known.cumulative, Amount::whole(clerk.executed()));
            let books = journal.books.account(account()).unwrap();
            let held = books.position(instrument(SPOT)).map_or(Amount::ZERO, |p| p.quantity);
            prop_assert_eq!(held, Amount::whole(clerk.executed()));
        }
    }
}
