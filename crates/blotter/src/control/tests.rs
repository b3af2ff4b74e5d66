//! The latch and the command journal, through crashes and damage.

mod damage;

use std::{fs, os::unix::fs::FileExt};

use event::{
    Body, Event, EventId, Source, Timestamp,
    choices::OperatorVerb,
    operations::{OperatorCommanded, TradingHalted, TradingResumed},
};
use worker::root_event;

use super::{CommandJournal, ControlError, HaltLatch, LatchState, OperatorCommand};

fn command(reason: &str) -> OperatorCommand {
    OperatorCommand {
        number: 0,
        id: EventId([7; 16]),
        verb: OperatorVerb::Halt,
        account: None,
        actor: "op".into(),
        reason: reason.into(),
        given_at: Timestamp(5),
    }
}

/// The operator's halt of these tests, as it is in the log.
fn logged(id: EventId) -> Event {
    control(
        id,
        OperatorCommanded {
            verb: OperatorVerb::Halt,
            account: None,
            actor: "op".into(),
            reason: "too wild".into(),
            acted_at: None,
        },
    )
}

fn halted() -> Event {
    control(
        EventId([8; 16]),
        TradingHalted { account: None, reason: "too wild".into(), by: "op".into() },
    )
}

fn resumed() -> Event {
    control(
        EventId([9; 16]),
        TradingResumed { account: None, actor: "op".into(), reason: "calm".into() },
    )
}

fn control(id: EventId, body: impl Into<Body>) -> Event {
    let (source, body) = (Source::new("monitor/0").unwrap(), body.into());
    root_event(id, source, 1, Timestamp(5), None, body.key(), body)
}

fn is_halted(latch: &HaltLatch) -> bool {
    matches!(latch.state(), LatchState::Halted { .. })
}

#[test]
fn a_halt_outlives_the_process_and_a_release_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(HaltLatch::make(dir.path()).unwrap().state(), LatchState::Open);
    assert_eq!(HaltLatch::peek(dir.path()).unwrap(), LatchState::Open);
    HaltLatch::make(dir.path()).unwrap().halt(EventId([7; 16]), "op: too wild").unwrap();
    let reason = "op: too wild".to_owned();
    assert_eq!(HaltLatch::peek(dir.path()).unwrap(), LatchState::Halted { reason });
    let latch = HaltLatch::make(dir.path()).unwrap();
    for event in [logged(EventId([7; 16])), halted(), resumed()] {
        assert!(is_halted(&latch));
        latch.follow(&event).unwrap();
    }
    assert_eq!(HaltLatch::make(dir.path()).unwrap().state(), LatchState::Open);
}

#[test]
fn a_halt_that_the_log_does_not_hold_yet_is_not_released() {
    let dir = tempfile::tempdir().unwrap();
    let latch = HaltLatch::make(dir.path()).unwrap();
    latch.halt(EventId([7; 16]), "op: first").unwrap();
    latch.follow(&logged(EventId([7; 16]))).unwrap();
    // While the resume is on its way somebody halts again.
    HaltLatch::make(dir.path()).unwrap().halt(EventId([6; 16]), "op: second").unwrap();
    latch.follow(&resumed()).unwrap();
    assert!(is_halted(&latch));
    // A run that starts now goes through the whole log again.
    let latch = HaltLatch::make(dir.path()).unwrap();
    for event in [logged(EventId([7; 16])), halted(), resumed()] {
        latch.follow(&event).unwrap();
        assert!(is_halted(&latch));
    }
    latch.follow(&logged(EventId([6; 16]))).unwrap();
    latch.follow(&resumed()).unwrap();
    assert!(!is_halted(&latch));
}

#[test]
fn a_halt_that_the_log_decides_is_latched_and_released_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let latch = HaltLatch::make(dir.path()).unwrap();
    for _ in 0..3 {
        latch.follow(&halted()).unwrap();
        assert!(is_halted(&latch));
        latch.follow(&halted()).unwrap();
        latch.follow(&resumed()).unwrap();
        assert!(!is_halted(&latch));
    }
}

#[test]
fn a_damaged_latch_reads_as_halted_until_it_is_set_again() {
    let dir = tempfile::tempdir().unwrap();
    let latch = HaltLatch::make(dir.path()).unwrap();
    for at in [0, 9, 21, 512, 530, 1024, 1036, 1540] {
        latch.halt(EventId([7; 16]), "op: too wild").unwrap();
        latch.follow(&logged(EventId([7; 16]))).unwrap();
        latch.follow(&resumed()).unwrap();
        assert_eq!(latch.state(), LatchState::Open);
        let path = dir.path().join("latch");
        let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 0x40], at).unwrap();
        assert!(is_halted(&latch), "flip at {at} went unseen");
        latch.follow(&resumed()).unwrap();
        assert!(is_halted(&latch), "nobody knows what the damage hides");
    }
}

#[test]
fn halting_needs_no_new_space() {
    let dir = tempfile::tempdir().unwrap();
    let latch = HaltLatch::make(dir.path()).unwrap();
    let journal = CommandJournal::open(dir.path()).unwrap();
    let sizes = |name: &str| {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(dir.path().join(name)).unwrap();
        (metadata.len(), metadata.blocks())
    };
    let before = (sizes("latch"), sizes("commands"));
    latch.halt(EventId([7; 16]), &"x".repeat(4000)).unwrap();
    let _ = journal.append(command("no space")).unwrap();
    assert_eq!((sizes("latch"), sizes("commands")), before);
}

#[test]
fn a_control_file_that_is_seen_is_whole_and_a_halt_in_it_is_not_overwritten_by_its_maker() {
    for _ in 0..200 {
        let dir = tempfile::tempdir().unwrap();
        let (path, both) = (dir.path().join("latch"), std::sync::Barrier::new(2));
        std::thread::scope(|scope| {
            let _ = scope.spawn(|| {
                let _ = both.wait();
                let _ = HaltLatch::make(dir.path()).unwrap();
            });
            let _ = both.wait();
            let seen = std::iter::repeat_with(|| fs::metadata(&path)).find_map(Result::ok);
            assert_eq!(seen.unwrap().len(), 3072, "seen before it had its space");
            HaltLatch::make(dir.path()).unwrap().halt(EventId([7; 16]), "too wild").unwrap();
        });
        assert!(matches!(HaltLatch::peek(dir.path()).unwrap(), LatchState::Halted { .. }));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "something was left beside it");
    }
}

#[test]
fn commands_come_back_in_order_until_they_are_logged() {
    let dir = tempfile::tempdir().unwrap();
    let journal = CommandJournal::open(dir.path()).unwrap();
    for number in 1..=3 {
        let appended = journal.append(command(&format!("reason {number}"))).unwrap();
        assert_eq!(appended.number, number);
    }
    let other = CommandJournal::open(dir.path()).unwrap();
    let reasons: Vec<_> = other.after(1).unwrap().into_iter().map(|c| c.reason).collect();
    assert_eq!(reasons, ["reason 2", "reason 3"]);
    other.logged(3).unwrap();
    assert_eq!(journal.append(command("next")).unwrap().number, 4);
}

#[test]
fn a_full_journal_refuses_instead_of_overwriting() {
    let dir = tempfile::tempdir().unwrap();
    let journal = CommandJournal::open(dir.path()).unwrap();
    for _ in 0..1024 {
        let _ = journal.append(command("again")).unwrap();
    }
    assert!(matches!(journal.append(command("one more")), Err(ControlError::Full { .. })));
    journal.logged(1).unwrap();
    assert_eq!(journal.append(command("one more")).unwrap().number, 1025);
    assert_eq!(journal.after(1).unwrap().len(), 1024);
}

#[test]
fn a_reason_that_does_not_fit_is_refused_with_its_bound() {
    let dir = tempfile::tempdir().unwrap();
    let journal = CommandJournal::open(dir.path()).unwrap();
    let refused = journal.append(command(&"y".repeat(600)));
    assert!(matches!(refused, Err(ControlError::TooLong { .. })));
    assert!(journal.after(0).unwrap().is_empty());
}

#[test]
fn a_producer_gets_its_answers_in_order_and_a_gone_writer_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    assert!(super::Publisher::connect(dir.path()).unwrap().is_none());
    let socket = super::Socket::listen(dir.path()).unwrap();
    let path = dir.path().to_path_buf();
    let producer = std::thread::spawn(move || {
        let mut publisher = super::Publisher::connect(&path).unwrap().unwrap();
        ["one", "two"].map(|line| publisher.publish(line).unwrap())
    });
    for _ in 0..2 {
        let published = socket.next_within(std::time::Duration::from_secs(10)).unwrap();
        let answer = format!("got {}", published.line);
        published.answer(answer);
    }
    assert_eq!(producer.join().unwrap(), [Some("got one".into()), Some("got two".into())]);
    drop(socket);
    assert!(super::Publisher::connect(dir.path()).unwrap().is_none());
}

#[test]
fn a_producer_at_the_socket_is_told_of_a_line_that_is_no_text_and_goes_on() {
    use std::{
        io::{BufRead as _, BufReader, Write as _},
        os::unix::net::UnixStream,
    };
    let dir = tempfile::tempdir().unwrap();
    let socket = super::Socket::listen(dir.path()).unwrap();
    let stream = UnixStream::connect(dir.path().join("blotter.sock")).unwrap();
    let mut answers = BufReader::new(&stream).lines().map(Result::unwrap);
    (&stream).write_all(b"a\xffb\nsound\n").unwrap();
    assert!(answers.next().unwrap().contains("E7107 the line is not UTF-8, from its byte 2 on"));
    let published = socket.next_within(std::time::Duration::from_secs(10)).unwrap();
    assert_eq!(published.line, "sound");
    published.answer("taken".into());
    assert_eq!(answers.next().unwrap(), "taken");
    let writer = stream.try_clone().unwrap();
    let long = std::thread::spawn(move || (&writer).write_all(&vec![b'x'; 1 << 20]));
    assert!(answers.next().unwrap().contains("E7108"));
    long.join().unwrap().unwrap();
    assert_eq!(answers.next(), None);
}

/// Nobody knows what a latch said that is gone, so it counts as halted until an operator resumes.
#[test]
fn a_latch_that_was_lost_is_halted() {
    let dir = tempfile::tempdir().unwrap();
    let _ = HaltLatch::make(dir.path()).unwrap();
    fs::remove_file(dir.path().join("latch")).unwrap();
    let lost = |state: LatchState| match state {
        LatchState::Halted { reason } => reason.contains("lost"),
        LatchState::Open => false,
    };
    assert!(lost(HaltLatch::peek(dir.path()).unwrap()));
    let latch = HaltLatch::open(dir.path()).unwrap();
    assert!(lost(latch.state()));
    assert!(lost(HaltLatch::peek(dir.path()).unwrap()));
    latch.follow(&resumed()).unwrap();
    assert_eq!(HaltLatch::open(dir.path()).unwrap().state(), LatchState::Open);
}
