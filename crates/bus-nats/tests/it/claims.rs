//! Two processes that work on one task.

use bus::{
    Bus as _, BusError, Unit,
    conformance::{market, order_unit, source},
};
use bus_nats::{NatsBus, Options, Writers};
use servers::{NatsServer, Settings};

use crate::{history::all, rig::options};

/// The one that claimed the task later is heard, and the other is told, also where both decide the
/// same; what else the other writes goes on.
#[test]
fn of_two_workers_on_one_task_the_one_that_claimed_it_later_is_heard() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options = Options { writers: Writers::Many, ..options(&server.url()) };
    let mut older = NatsBus::open(options.clone()).unwrap();
    let mut later = NatsBus::open(options.clone()).unwrap();
    let task = source("risk/A");
    let under = |epoch, unit| Unit { epoch, ..unit };
    let first = older.claim(task).unwrap();
    let _ = older.commit(&[under(first, order_unit("risk/A", 1..=1, 1))]).unwrap();
    let second = later.claim(task).unwrap();
    assert!(second > first);
    let decided = order_unit("risk/A", 2..=2, 2);
    let _ = later.commit(&[under(second, decided.clone())]).unwrap();
    for _ in 0..2 {
        let refused = older.commit(&[under(first, decided.clone())]).unwrap_err();
        assert!(matches!(refused, BusError::Fenced { held: 1, newest: 2, .. }), "{refused}");
    }
    let _ = older.commit(&[market(1..=3)]).unwrap();
    assert_eq!(all(&mut later), all(&mut older));
    assert_eq!(all(&mut NatsBus::open(options).unwrap()).len(), 2 + 2 * 2 + 4);
}

/// Of two that claim at once both are told an epoch, and not the same.
#[test]
fn of_two_that_claim_at_once_one_is_later() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options = Options { writers: Writers::Many, ..options(&server.url()) };
    let mut buses = [(); 2].map(|()| NatsBus::open(options.clone()).unwrap());
    let epochs = std::thread::scope(|scope| {
        let claiming = buses.each_mut().map(|bus| scope.spawn(|| bus.claim(source("risk/A"))));
        claiming.map(|claim| claim.join().unwrap().unwrap())
    });
    assert_ne!(epochs[0], epochs[1]);
    let [one, two] = &mut buses;
    let (winner, loser) = if epochs[0] > epochs[1] { (one, two) } else { (two, one) };
    let (held, newest) = (epochs.into_iter().min().unwrap(), epochs.into_iter().max().unwrap());
    let unit = |epoch| Unit { epoch, ..order_unit("risk/A", 1..=1, 1) };
    let refused = loser.commit(&[unit(held)]).unwrap_err();
    assert!(matches!(refused, BusError::Fenced { .. }), "{refused}");
    let _ = winner.commit(&[unit(newest)]).unwrap();
}
