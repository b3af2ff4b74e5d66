use event::choices::Side;

use super::*;
use crate::Faults;

fn faulty(faults: Faults) -> Venue {
    Venue::open(PaperConfig { faults, taker_fee_ppm: 1_000, ..plain() })
}

fn always() -> Faults {
    Faults { late_report_ns: 5_000_000, amend_after_ns: 5_000_000, ..Faults::default() }
}

#[test]
fn duplicate_report_has_a_number_of_its_own() {
    let mut venue = faulty(Faults { duplicate_report_ppm: 1_000_000, ..always() });
    let _ = venue.submit(&market(1, Side::Buy, "1"));
    venue.print(1, quote(spot(), ("98", "1"), ("99", "1")));
    let reports = venue.reports();
    assert_eq!(reports.iter().map(|r| r.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(reports[0].fact, reports[1].fact);
}

#[test]
fn late_report_comes_after_what_happened_later_and_says_when_it_happened() {
    let mut venue = faulty(Faults { late_report_ppm: 1_000_000, ..always() });
    let _ = venue.submit(&limit(1, Side::Buy, "1", "99"));
    venue.print(1, quote(spot(), ("98", "1"), ("99", "0.5")));
    let _ = venue.broker.cancel(venue.now, &cancel(1, 2)).unwrap();
    venue.print(2, quote(spot(), ("98", "1"), ("100", "1")));
    assert_eq!(venue.told(), ["cancelled at 0.5: cancelled on request"]);
    venue.print(6, quote(spot(), ("98", "1"), ("100", "1")));
    let late = venue.reports();
    assert_eq!((late[0].number, late[0].at), (2, at_ms(1)));
}

#[test]
fn correction_makes_the_price_one_tick_worse_in_report_snapshot_and_cash() {
    let mut venue = faulty(Faults { correction_ppm: 1_000_000, ..always() });
    let _ = venue.submit(&market(1, Side::Buy, "2"));
    venue.print(1, quote(spot(), ("98", "5"), ("99", "5")));
    assert_eq!(venue.cash("USDT"), amount("999801.802"));
    venue.print(6, quote(spot(), ("98", "5"), ("99", "5")));
    assert_eq!(venue.told()[1..], ["corrected X1: 2 at 99.1"]);
    assert_eq!(venue.cash("USDT"), amount("999801.6018"));
    assert_eq!(venue.position(spot()), (quantity("2"), amount("198.2")));
    let (executions, _) = venue.broker.executions_since(venue.now, 0).unwrap();
    assert_eq!((executions[0].price, executions[0].fee), (price("99.1"), amount("0.1982")));
}

#[test]
fn bust_by_chance_comes_after_its_delay() {
    let mut venue = faulty(Faults { bust_ppm: 1_000_000, correction_ppm: 1_000_000, ..always() });
    let _ = venue.submit(&market(1, Side::Buy, "2"));
    venue.print(1, quote(spot(), ("98", "5"), ("99", "5")));
    venue.print(5, quote(spot(), ("98", "5"), ("99", "5")));
    assert_eq!(venue.told().len(), 1);
    venue.print(6, quote(spot(), ("98", "5"), ("99", "5")));
    assert_eq!(venue.told(), ["busted X1"]);
    assert_eq!(venue.cash("USDT"), Amount::whole(1_000_000));
}

#[test]
fn rates_are_met_and_the_seed_decides_who() {
    let answers = |seed| {
        let faults = Faults { reject_ppm: 300_000, lost_request_ppm: 200_000, ..always() };
        let mut venue = Venue::open(PaperConfig { faults, seed, ..plain() });
        (1..=200)
            .map(|n| code_of(&venue.submit(&limit(n, Side::Buy, "0.1", "100"))).to_string())
            .collect::<Vec<_>>()
    };
    let (first, again, other) = (answers(1), answers(1), answers(2));
    assert_eq!(first, again);
    assert_ne!(first, other);
    let count = |code: &str| first.iter().filter(|answer| *answer == code).count();
    assert!((25..=55).contains(&count("NO_ANSWER")), "{}", count("NO_ANSWER"));
    assert!((30..=66).contains(&count("REFUSED")), "{}", count("REFUSED"));
}
