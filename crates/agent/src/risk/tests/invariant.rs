//! The worst case the gate knows always covers what could truly be, and stays within its limit,
//! whatever the broker reports and in whatever order.

use alloc::{collections::BTreeMap, format, string::String};

use proptest::{collection::vec as any_vec, prelude::*};

use super::*;

/// What happens next; numbers choose among what is possible.
#[derive(Clone, Debug)]
enum Step {
    Propose { buy: bool, size: i64 },
    Replace { which: usize, size: i64 },
    Execute { which: usize, size: i64 },
    Cancel { which: usize },
    Reject { which: usize },
    Lapse { which: usize },
    AnswerReplace { which: usize, accept: bool },
    Lose { which: usize },
    Deliver { which: usize },
    Redeliver { which: usize },
    Correct { which: usize, size: i64 },
    CorrectEarly { which: usize, size: i64 },
    Bust { which: usize },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..64_usize;
    prop_oneof![
        6 => (any::<bool>(), 1..6_i64).prop_map(|(buy, size)| Step::Propose { buy, size }),
        3 => (which.clone(), 1..9_i64).prop_map(|(which, size)| Step::Replace { which, size }),
        6 => (which.clone(), 1..4_i64).prop_map(|(which, size)| Step::Execute { which, size }),
        3 => which.clone().prop_map(|which| Step::Cancel { which }),
        1 => which.clone().prop_map(|which| Step::Reject { which }),
        1 => which.clone().prop_map(|which| Step::Lapse { which }),
        3 => (which.clone(), any::<bool>())
            .prop_map(|(which, accept)| Step::AnswerReplace { which, accept }),
        1 => which.clone().prop_map(|which| Step::Lose { which }),
        10 => which.clone().prop_map(|which| Step::Deliver { which }),
        2 => which.clone().prop_map(|which| Step::Redeliver { which }),
        2 => (which.clone(), 1..6_i64).prop_map(|(which, size)| Step::Correct { which, size }),
        2 => (which.clone(), 1..6_i64)
            .prop_map(|(which, size)| Step::CorrectEarly { which, size }),
        2 => which.prop_map(|which| Step::Bust { which }),
        1 => Just(Step::Restart),
    ]
}

struct Order {
    side: Side,
    total: i64,
    filled: i64,
    asked: Option<(OrderId, i64)>,
}

/// The broker as it truly is; what it reports waits on a wire that keeps no order.
#[derive(Default)]
struct Broker {
    open: BTreeMap<OrderId, Order>,
    position: i64,
    executions: u64,
    corrections: u64,
    /// Executions that stand: their order and size.
    done: BTreeMap<String, (OrderId, i64)>,
    /// How far amendments moved the position up and down, which no gate can foresee.
    raised: i64,
    lowered: i64,
    wire: Vec<Body>,
    delivered: Vec<Body>,
}

impl Broker {
    fn pick(&self, which: usize) -> Option<OrderId> {
        let keys: Vec<_> = self.open.keys().copied().collect();
        (!keys.is_empty()).then(|| keys[which % keys.len()])
    }

    /// What the position could become: everything sold, everything bought.
    fn could_be(&self) -> (i64, i64) {
        let rest = |side| -> i64 {
            let of_side = self.open.values().filter(|order| order.side == side);
            of_side
                .map(|order| order.total.max(order.asked.map_or(0, |asked| asked.1)) - order.filled)
                .sum()
        };
        (self.position - rest(Side::Sell), self.position + rest(Side::Buy))
    }

    fn execute(&mut self, id: OrderId, size: i64) {
        let Some(order) = self.open.get_mut(&id) else { return };
        let size = size.min(order.total - order.filled);
        if size <= 0 {
            return;
        }
        order.filled += size;
        self.position += size * order.side.sign();
        self.executions += 1;
        let exec_id = format!("x{}", self.executions);
        let _ = self.done.insert(exec_id.clone(), (id, size));
        self.wire.push(fill(id, &exec_id, order.side, &format!("{size}")));
        if order.filled == order.total && order.asked.is_none() {
            let _ = self.open.remove(&id);
        }
    }

    /// An execution of a working order, told of or still on the wire.
    fn execution(&self, which: usize, told: bool) -> Option<(String, OrderId, i64)> {
        let on_wire = |exec: &str| {
            let of =
                |fact: &Body| matches!(fact, Body::OrderExecuted(x) if x.exec_id == name(exec));
            self.wire.iter().any(of)
        };
        let found: Vec<_> = self
            .done
            .iter()
            .filter(|(exec, (id, _))| self.open.contains_key(id) && on_wire(exec) != told)
            .collect();
        let (exec, (id, size)) = found.get(which % found.len().max(1))?;
        Some(((*exec).clone(), *id, *size))
    }

    /// Changes the size of an execution of a working order, to nothing when it is busted. It is
    /// told of at once: until then no gate could know.
    fn amend(&mut self, which: usize, told: bool, size: i64) -> Option<Body> {
        let (exec, id, before) = self.execution(which, told)?;
        let order = self.open.get_mut(&id)?;
        let change = size.min(before + order.total - order.filled) - before;
        order.filled += change;
        let moved = change * order.side.sign();
        self.position += moved;
        self.raised += moved.max(0);
        self.lowered -= moved.min(0);
        if before + change == 0 {
            let _ = self.done.remove(&exec);
            return Some(busted(id, &exec));
        }
        let _ = self.done.insert(exec.clone(), (id, before + change));
        self.corrections += 1;
        let fact = corrected(id, &exec, self.corrections, &format!("{}", before + change));
        if order.filled == order.total && order.asked.is_none() {
            let _ = self.open.remove(&id);
        }
        Some(fact)
    }

    fn cancel(&mut self, id: OrderId) {
        let Some(order) = self.open.remove(&id) else { return };
        if let Some((proposal, _)) = order.asked {
            self.wire.push(replace_refused(id, proposal));
        }
        self.wire.push(cancelled(id, &format!("{}", order.filled)));
    }

    fn never_worked(&mut self, id: OrderId, report: Body) {
        if self.open.get(&id).is_some_and(|order| order.filled == 0 && order.asked.is_none()) {
            let _ = self.open.remove(&id);
            self.wire.push(report);
        }
    }

    fn answer(&mut self, id: OrderId, accept: bool) {
        let Some(order) = self.open.get_mut(&id) else { return };
        let Some((proposal, total)) = order.asked.take() else { return };
        if accept && total > order.filled {
            order.total = total;
            self.wire.push(replaced(id, proposal, &format!("{total}")));
        } else {
            self.wire.push(replace_refused(id, proposal));
        }
        if order.filled == order.total {
            let _ = self.open.remove(&id);
        }
    }
}

fn take(bench: &mut Bench, broker: &mut Broker, step: &Step) {
    match *step {
        Step::Propose { buy, size } => {
            let side = if buy { Side::Buy } else { Side::Sell };
            let (id, denied) = bench.propose(side, &format!("{size}"));
            if denied.is_none() {
                let order = Order { side, total: size, filled: 0, asked: None };
                let _ = broker.open.insert(id, order);
            }
        }
        Step::Replace { which, size } => {
            let Some(id) = broker.pick(which) else { return };
            let order = broker.open.get_mut(&id).unwrap();
            let terms = order_at(order.side, &format!("{size}"), "100");
            let (proposal, denied) =
                bench.propose_as(OrderProposed { replaces: Some(id), ..terms });
            if denied.is_none() && order.asked.is_none() {
                order.asked = Some((proposal, size));
            } else if denied.is_none() {
                // The answer to the one before is on the wire; this one finds it answered.
                broker.wire.push(replace_refused(id, proposal));
            }
        }
        Step::Execute { which, size } => {
            if let Some(id) = broker.pick(which) {
                broker.execute(id, size);
            }
        }
        Step::Cancel { which } => {
            if let Some(id) = broker.pick(which) {
                broker.cancel(id);
            }
        }
        Step::Reject { which } => {
            if let Some(id) = broker.pick(which) {
                broker.never_worked(id, rejected(id));
            }
        }
        Step::Lapse { which } => {
            if let Some(id) = broker.pick(which) {
                broker.never_worked(id, lapsed(id, AttemptAction::Submit, None));
            }
        }
        Step::AnswerReplace { which, accept } => {
            if let Some(id) = broker.pick(which) {
                broker.answer(id, accept);
            }
        }
        Step::Lose { which } => {
            if let Some(id) = broker.pick(which) {
                let _ = bench.tell(unknown(id));
            }
        }
        Step::Deliver { which } => {
            if !broker.wire.is_empty() {
                let fact = broker.wire.remove(which % broker.wire.len());
                broker.delivered.push(fact.clone());
                let _ = bench.tell(fact);
            }
        }
        Step::Redeliver { which } => {
            let executions: Vec<_> = broker
                .delivered
                .iter()
                .filter(|fact| fact.kind() == Kind::OrderExecuted)
                .cloned()
                .collect();
            if !executions.is_empty() {
                let _ = bench.tell(executions[which % executions.len()].clone());
            }
        }
        Step::Correct { which, size } => {
            if let Some(fact) = broker.amend(which, true, size) {
                let _ = bench.tell(fact);
            }
        }
        Step::CorrectEarly { which, size } => {
            if let Some(fact) = broker.amend(which, false, size) {
                let _ = bench.tell(fact);
            }
        }
        Step::Bust { which } => {
            if let Some(fact) = broker.amend(which, which % 2 == 0, 0) {
                let _ = bench.tell(fact);
            }
        }
        Step::Restart => bench.probe.restart(gate()).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_worst_case_covers_the_truth_and_stays_within_its_limit(
        steps in any_vec(step(), 1..120)
    ) {
        let mut bench = Bench::new();
        let mut broker = Broker::default();
        for step in &steps {
            take(&mut bench, &mut broker, step);
            let worst = bench.probe.agent().worst_case(perpetual());
            let (short, long) = broker.could_be();
            prop_assert!(worst.short <= Amount::whole(short), "{step:?}: {worst:?} {short}");
            prop_assert!(worst.long >= Amount::whole(long), "{step:?}: {worst:?} {long}");
            prop_assert!(worst.long <= Amount::whole(10 + broker.raised), "{step:?}: {worst:?}");
            prop_assert!(worst.short >= Amount::whole(-10 - broker.lowered), "{step:?}: {worst:?}");
        }
        while !broker.wire.is_empty() {
            take(&mut bench, &mut broker, &Step::Deliver { which: 0 });
        }
        for id in broker.open.keys().copied().collect::<Vec<_>>() {
            broker.answer(id, false);
            broker.cancel(id);
        }
        while !broker.wire.is_empty() {
            take(&mut bench, &mut broker, &Step::Deliver { which: 0 });
        }
        let worst = bench.probe.agent().worst_case(perpetual());
        let flat = Amount::whole(broker.position);
        prop_assert_eq!(worst, WorstCase { position: flat, long: flat, short: flat });
    }
}
