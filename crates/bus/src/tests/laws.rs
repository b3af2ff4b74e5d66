//! Laws of what is stored beside events: partitions, cuts, progress records.

use event::{EventId, Key, Label, Source, Timestamp};
use proptest::{collection::vec, prelude::*};

use crate::{Cut, Position, Progress, Run, Stream, TimerRequested, Unit, partition_of};

fn key() -> impl Strategy<Value = Key> {
    "[A-Z0-9:_-]{1,38}".prop_map(|text| Key::new(&text).unwrap())
}

fn stream() -> impl Strategy<Value = Stream> {
    (1_u8..=10).prop_filter_map("a stream", Stream::of_number)
}

fn position() -> impl Strategy<Value = Position> {
    (any::<u64>(), stream(), any::<u16>(), any::<u64>(), 0..u64::MAX, any::<[u8; 16]>()).prop_map(
        |(incarnation, stream, partition, sequence, index, id)| Position {
            incarnation,
            stream,
            partition,
            sequence,
            index,
            event_id: EventId(id),
        },
    )
}

fn unit() -> impl Strategy<Value = Unit> {
    let run = (0_u32..11, 0_u32..9, any::<u64>(), any::<u64>())
        .prop_map(|(stream, partition, first, last)| Run { stream, partition, first, last });
    let timer = (any::<u64>(), any::<i64>()).prop_map(|(request, due)| TimerRequested {
        request,
        name: Label::new("wake").unwrap(),
        due: Timestamp(due),
    });
    (vec(run, 0..5), vec(timer, 0..4), any::<Option<u64>>()).prop_map(|(consumed, timers, mark)| {
        let source = Source::new("risk/A").unwrap();
        Unit { source, outputs: Vec::new(), consumed, timers, mark, epoch: 0, claim: 0 }
    })
}

/// FNV-1a by the book, one bit of arithmetic at a time wider than the shipped one.
fn naive_partition(key: Key, partitions: u16) -> u128 {
    let hash = key.as_bytes().iter().fold(14_695_981_039_346_656_037_u128, |hash, byte| {
        (hash ^ u128::from(*byte)) * 1_099_511_628_211 % (1 << 64)
    });
    (hash ^ (hash / (1 << 32))) % u128::from(partitions)
}

proptest! {
    #[test]
    fn a_keys_partition_is_the_hash_by_the_book(key in key(), partitions in 1_u16..) {
        let partition = partition_of(key, partitions);
        prop_assert!(partition < partitions);
        prop_assert_eq!(u128::from(partition), naive_partition(key, partitions));
    }

    #[test]
    fn a_progress_record_written_reads_back(unit in unit(), last in any::<u64>()) {
        let Some(progress) = Progress::of(&unit, last) else {
            prop_assert!(unit.consumed.is_empty() && unit.timers.is_empty() && unit.mark.is_none());
            return Ok(());
        };
        prop_assert_eq!(Progress::from_bytes(&progress.to_bytes()).unwrap(), progress.clone());
        prop_assert_eq!(progress.timers().collect::<Vec<_>>(), unit.timers);
    }

    #[test]
    fn the_sum_of_progress_is_as_far_as_the_farthest(units in vec(unit(), 1..6)) {
        let mut sum = Progress::none(units[0].source);
        for (last, unit) in (1..).zip(&units) {
            if let Some(progress) = Progress::of(unit, last) {
                sum.add(&progress);
            }
        }
        let through = units.iter().flat_map(|unit| &unit.consumed).filter(|run| run.stream == 0);
        prop_assert_eq!(sum.through(), through.map(|run| run.last).max());
        prop_assert_eq!(sum.mark, units.iter().filter_map(|unit| unit.mark).max());
    }

    #[test]
    fn a_cut_written_reads_back_and_knows_the_farthest_of_each_partition(
        positions in vec(position(), 0..12),
    ) {
        let mut cut = Cut::default();
        positions.iter().for_each(|position| cut.advance(position));
        prop_assert_eq!(Cut::from_bytes(&cut.to_bytes()).unwrap(), cut.clone());
        for one in &positions {
            let last = positions.iter().rfind(|p| (p.stream, p.partition) == (one.stream, one.partition));
            prop_assert_eq!(cut.sequence(one.stream, one.partition), last.unwrap().sequence);
        }
    }
}

#[test]
fn instruments_spread_over_their_partitions() {
    let mut counts = [0_u32; 16];
    for number in 0..4_000 {
        let key = Key::new(&format!("BINANCE-SPOT:COIN{number}USDT")).unwrap();
        counts[usize::from(partition_of(key, 16))] += 1;
    }
    assert!(counts.iter().all(|count| (190..310).contains(count)), "{counts:?}");
}
