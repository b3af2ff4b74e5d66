//! The simulator itself: the same seed is the same run, and what must be seen is seen.

use crate::{Defence, Fault, Plan, Rates, Words, run, shrink};

/// Seeds that once broke an invariant. A change of the simulator makes other runs of them, so what
/// each found has a test of its own beside the code that was mended.
const MENDED: [(u64, &str); 11] = [
    (117, "an agent that was upgraded decided again what the build before it took in silence"),
    (124, "new terms of an order counted beside its old ones, for ever once it ended unanswered"),
    (2_925, "a changed byte of a close record, which is told as a torn tail, by the oracle itself"),
    (102_448, "executions of one instant in another order than the broker's, and a break for it"),
    (121, "a refused cancel was asked for again in the same instant, without end"),
    (127, "a unit without outputs was stored again, and its timers fired again"),
    (302, "the same, on another engine"),
    (470, "new terms of an order were counted beside its old ones, by the oracle itself"),
    (546, "a repeated mark put the ingress back"),
    (586, "the same, in the embedded log"),
    (694, "the same, in memory"),
];

#[test]
fn the_same_seed_twice_is_the_same_run_byte_for_byte() {
    for seed in [1, 5, 9, 43, 121] {
        let (one, two) = (run(Plan::of(seed), Words::None), run(Plan::of(seed), Words::Kept));
        assert!(one.trace.bytes().len() > 100_000, "seed {seed}");
        assert!(one.trace.bytes() == two.trace.bytes(), "seed {seed} ran differently");
        assert_eq!(one.violation, two.violation);
    }
}

#[test]
fn a_run_is_long_enough_and_trades() {
    let (mut orders, mut executions) = (0, 0);
    for seed in 0..12 {
        let ran = run(Plan::of(seed), Words::None);
        assert!(ran.deliveries >= 2_000, "seed {seed}: {} deliveries", ran.deliveries);
        (orders, executions) = (orders + ran.orders, executions + ran.executions);
    }
    assert!(orders > 100 && executions > 30, "{orders} orders, {executions} executions");
}

#[test]
fn seeds_that_broke_an_invariant_once_hold_now() {
    for (seed, what) in MENDED {
        let ran = run(Plan::of(seed), Words::None);
        assert_eq!(ran.violation, None, "seed {seed}: {what}");
    }
}

#[test]
fn a_failing_run_shrinks_to_one_that_fails_alike() {
    let without = Some(Defence::DerivedIds);
    let mut rates = Rates::NONE;
    rates.set(Fault::LostAnswer, 50_000);
    rates.set(Fault::Duplicate, 50_000);
    let plan = Plan { without, rates, ..Plan::of(3) };
    let found = run(plan.clone(), Words::None).violation.unwrap();
    let small = shrink(&plan);
    assert_eq!(run(small.clone(), Words::None).violation.unwrap().invariant, found.invariant);
    assert_eq!(small.rates.present().count(), 0, "nothing but the defence matters");
    assert!(small.records < plan.records / 2, "{} of {}", small.records, plan.records);
}
