//! Makes a failing run smaller: fewer faults, a shorter tape.

use crate::{Plan, Words, run};

/// The smallest plan found that fails as `plan` does.
#[must_use]
pub fn shrink(plan: &Plan) -> Plan {
    let fails_alike = |smaller: &Plan, invariant| {
        run(smaller.clone(), Words::None)
            .violation
            .is_some_and(|found| found.invariant == invariant)
    };
    let mut best = plan.clone();
    let Some(violation) = run(best.clone(), Words::None).violation else { return best };
    let mut smaller = true;
    while smaller {
        smaller = false;
        for fault in best.rates.clone().present() {
            let mut next = best.clone();
            next.rates.set(fault, 0);
            if fails_alike(&next, violation.invariant) {
                (best, smaller) = (next, true);
            }
        }
        for part in [2, 4, 8, 16] {
            let mut next = best.clone();
            next.records -= next.records / part;
            if next.records < best.records && fails_alike(&next, violation.invariant) {
                (best, smaller) = (next, true);
                break;
            }
        }
    }
    best
}
