//! A data directory of a test, and an agent that says something in it.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use agent::{Agent, Outbox, Scope};
use broker::{Broker as _, Moment, PaperBroker};
use bus::Entry;
use event::{
    AccountId, Body, Event, Kind, Label, Timestamp, books::AlertRaised, choices::Severity,
};
use feed::{Instruments, TapeReader};
use tempfile::TempDir;

use super::LiveRun;
use crate::{
    app::{App, Factory},
    config::{Layers, SHIPPED, Settings},
    control::{HaltLatch, LatchState},
    data_dir::DataDir,
    engine::{Engine, Role},
    history,
    journal::Until,
    pipeline::{TapeRun, run_tape},
    setup,
};

pub(super) const START: Timestamp = Timestamp(1_723_161_904_000_000_000);
pub(super) const LATE: Moment = Moment { time: Timestamp(i64::MAX), position: u64::MAX };
pub(super) const QUOTES: i64 = 20;

pub(super) const fn wall_clock() -> Timestamp {
    START
}

/// A data directory, and what a run in it is given.
pub(super) struct Home {
    _root: TempDir,
    pub(super) dir: DataDir,
    pub(super) settings: Settings,
    pub(super) instruments: Instruments,
    pub(super) agents: Vec<Factory>,
}

impl Home {
    pub(super) fn with(app: &App) -> Self {
        let root = tempfile::tempdir().unwrap();
        let dir = DataDir::new(&root.path().join("data"));
        dir.make().unwrap();
        let layers = Layers::stack(SHIPPED, None, std::iter::empty()).unwrap();
        let settings = Settings::of(&layers).unwrap();
        let instruments = Instruments::shipped().unwrap();
        let agents = setup::agents(app, &settings);
        Self { _root: root, dir, settings, instruments, agents }
    }

    pub(super) fn tape(&self) -> TapeReader {
        let mut lines = String::new();
        for quote in 1..=QUOTES {
            let at = START.0 + quote * 1_000_000;
            writeln!(
                lines,
                r#"{at} {{"stream":"btcusdt@bookTicker","data":{{"u":{quote},"s":"BTCUSDT","b":"61773.50","B":"1","a":"61773.60","A":"1"}}}}"#
            )
            .unwrap();
        }
        let path = self.dir.root().join("tape.ws");
        std::fs::write(&path, lines).unwrap();
        TapeReader::open(&[path], &self.instruments).unwrap()
    }

    pub(super) fn run(&self) -> LiveRun<'_> {
        LiveRun {
            engine: &Engine::Embedded,
            dir: &self.dir,
            settings: &self.settings,
            instruments: &self.instruments,
            agents: &self.agents,
            elsewhere: &[],
            patience: Duration::from_secs(30),
            tape: self.tape(),
            wall_clock,
            speed: 0,
            stop: Arc::new(AtomicBool::new(false)),
            tell: |_| {},
        }
    }

    pub(super) fn account(&self) -> AccountId {
        self.settings.account.name
    }

    /// Orders that the broker took and still works.
    pub(super) fn working(&self) -> usize {
        let dir = self.dir.broker(self.account().as_str());
        PaperBroker::open_read_only(&dir).unwrap().open_orders(LATE).unwrap().len()
    }

    /// Orders that work once everything asked of the broker has taken effect.
    pub(super) fn left_working(&self) -> usize {
        let dir = self.dir.broker(self.account().as_str());
        let definitions: Vec<_> = self.instruments.definitions().cloned().collect();
        let mut broker =
            PaperBroker::open(&dir, self.settings.paper.clone(), &definitions).unwrap();
        let soon = Moment { time: START.plus_ns(event::SECOND_NS / 2), position: 0 };
        broker.advance(soon).unwrap();
        broker.open_orders(soon).unwrap().len()
    }

    pub(super) fn is_halted(&self) -> bool {
        HaltLatch::peek(&self.dir.control()).unwrap() != LatchState::Open
    }

    /// Runs the tape up to a quote, on one thread.
    pub(super) fn run_up_to(&self, quotes: u64) {
        let stop = AtomicBool::new(false);
        let run = TapeRun {
            engine: &Engine::Embedded,
            dir: &self.dir,
            settings: &self.settings,
            instruments: &self.instruments,
            agents: &self.agents,
            tape: self.tape(),
            wall_clock,
            stop: &stop,
        };
        let _ = run_tape(run, |read, _| stop.store(read >= quotes, Ordering::Release)).unwrap();
    }

    /// What the alerts of this task are about, in the order of the log.
    pub(super) fn subjects(&self, task: &str) -> Vec<String> {
        let mut opened = Engine::Embedded.open(&self.dir, Role::Run, wall_clock).unwrap();
        let entries = opened.bus.read(0, usize::MAX).unwrap();
        opened.bus.close().unwrap();
        let about = |entry: &Entry| match entry {
            Entry::Event(delivered) => match &delivered.record.event().unwrap().body {
                Body::AlertRaised(raised) if delivered.record.header().source.as_str() == task => {
                    Some(raised.subject.clone())
                }
                _ => None,
            },
            Entry::Progress { .. } | Entry::Foreign(_) => None,
        };
        entries.iter().filter_map(about).collect()
    }

    /// How many events of a kind the log holds.
    pub(super) fn count(&self, kind: Kind) -> u64 {
        history::fold(&self.dir, Until::End).unwrap().fold.tally.kind(kind)
    }
}

/// Says something at every so many quotes; how many, its version says.
pub(super) struct Talker {
    pub(super) every: u64,
    pub(super) seen: u64,
}

impl Agent for Talker {
    fn name(&self) -> Label {
        Label::new("talker").unwrap()
    }

    fn version(&self) -> Label {
        Label::new(&format!("every-{}", self.every)).unwrap()
    }

    fn subscriptions(&self) -> &'static [Kind] {
        &[Kind::MarketQuote]
    }

    fn scope(&self) -> Scope {
        Scope::All
    }

    fn on_event(&mut self, _now: Timestamp, _event: &Event, out: &mut Outbox) {
        self.seen += 1;
        if self.seen.is_multiple_of(self.every) {
            out.emit(AlertRaised {
                alert: Label::new("talk").unwrap(),
                severity: Severity::Info,
                subject: self.seen.to_string(),
                detail: String::new(),
                account: None,
            });
        }
    }
}
