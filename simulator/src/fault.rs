//! What can go wrong, and how often it does in one run.

use crate::{
    aim::{Pair, aim},
    chance::Chance,
    part::{Effect, PartKind},
};

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $most:literal;)*) => {
        /// What can go wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(usize)]
        pub enum Fault { $($(#[$doc])* $name,)* }

        impl Fault {
            /// Every fault.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$name),*];

            /// Its name.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Its highest rate, in parts per million of the occasions it has.
            const fn most_ppm(self) -> u32 {
                match self { $(Self::$name => $most,)* }
            }
        }
    };
}

faults! {
    /// A unit arrives twice.
    Duplicate = "duplicate", 60_000;
    /// A unit is on its way for long, and others overtake it.
    Delay = "delay", 60_000;
    /// A unit never arrives.
    LostPublish = "lost-publish", 60_000;
    /// A unit arrives and its answer does not.
    LostAnswer = "lost-answer", 60_000;
    /// A part of the system stops for a while and goes on where it was.
    Pause = "pause", 1_500;
    /// The bus has no room for a while.
    FullBus = "full-bus", 400;
    /// One part dies and is made again.
    Crash = "crash", 1_200;
    /// Every part dies, and an engine inside the process with them.
    ProcessCrash = "process-crash", 250;
    /// A part is taken for dead, another takes its place, and it wakes.
    Zombie = "zombie", 400;
    /// A part's clock is set wrong.
    Clock = "clock", 400;
    /// Nothing passes between a part and the bus for a while.
    Partition = "partition", 300;
    /// A write to our disk is torn by a loss of power.
    PowerLoss = "power-loss", 2_500;
    /// The disk fails to flush.
    FailedSync = "failed-sync", 1_500;
    /// The disk is full for a while.
    FullDisk = "full-disk", 400;
    /// The broker is made again from its own record.
    BrokerRestart = "broker-restart", 800;
    /// A question is answered as of a moment ago.
    StaleRead = "stale-read", 120_000;
    /// The broker refuses an order.
    Reject = "reject", 60_000;
    /// An order takes effect and its answer is lost.
    LostResponse = "lost-response", 60_000;
    /// An order never arrives at the broker.
    LostRequest = "lost-request", 60_000;
    /// An execution is told of late.
    LateReport = "late-report", 120_000;
    /// An execution is told of twice.
    DoubleReport = "double-report", 120_000;
    /// An execution is taken back.
    Bust = "bust", 80_000;
    /// An execution's price is corrected.
    Correction = "correction", 80_000;
    /// Somebody trades by hand at the broker.
    Manual = "manual", 3_000;
    /// An execution that no report tells of.
    Withheld = "withheld", 1_500;
    /// Cash moves in or out.
    Transfer = "transfer", 1_500;
    /// A fee is taken now and told of later.
    LateFee = "late-fee", 1_000;
    /// An operator halts trading, and resumes it later.
    Halt = "halt", 2_500;
    /// A record of the tape does not parse.
    BadRecord = "bad-record", 15_000;
    /// An agent panics.
    Panic = "panic", 250;
    /// A task comes back as another build of its agent.
    Upgrade = "upgrade", 1_500;
    /// Snapshots are lost, damaged, cut short or mixed up.
    SnapshotLoss = "snapshot-loss", 4_000;
    /// An order is executed while its cancel is on its way.
    CancelRace = "cancel-race", 300_000;
    /// The log is made anew with what it held, at the end of a run.
    Recreate = "recreate", 200_000;
    /// The log is put back to an earlier copy, at the end of a run.
    Rewind = "rewind", 200_000;
}

/// How often what goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    ppm: [u32; Fault::ALL.len()],
}

impl Rates {
    /// Nothing goes wrong.
    pub const NONE: Self = Self { ppm: [0; Fault::ALL.len()] };

    /// Rates drawn from a seed. Some runs are calm, so that a defect that a storm would hide shows.
    #[must_use]
    pub fn drawn(seed: u64) -> Self {
        let mut chance = Chance::of(seed, 0x7a7e);
        let mut rates = Self::NONE;
        let present_ppm = match chance.below(8) {
            0 => return rates,
            1..=3 => 120_000,
            4..=6 => 350_000,
            _ => 800_000,
        };
        for fault in Fault::ALL {
            let (present, size) = (chance.happens(present_ppm), chance.between(1, 9));
            if present {
                rates.set(fault, (u64::from(fault.most_ppm()) * size / 8).max(1) as u32);
            }
        }
        rates
    }

    /// The rate of a fault, in parts per million.
    #[must_use]
    pub fn of(&self, fault: Fault) -> u32 {
        self.ppm.get(fault as usize).copied().unwrap_or(0)
    }

    /// Sets the rate of a fault.
    pub fn set(&mut self, fault: Fault, ppm: u32) {
        if let Some(slot) = self.ppm.get_mut(fault as usize) {
            *slot = ppm;
        }
    }

    /// The faults that can happen.
    pub fn present(&self) -> impl Iterator<Item = Fault> + '_ {
        Fault::ALL.into_iter().filter(|fault| self.of(*fault) > 0)
    }
}

/// The draws of every fault: each has its own, so that one taken away leaves the others as they
/// were for as long as the run is the same.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    rates: Rates,
    chances: Vec<Chance>,
    /// How often each happened.
    happened: [u64; Fault::ALL.len()],
    /// Where parts of this run die most.
    aim: Pair,
    aimed: u32,
    on: bool,
}

impl Faults {
    /// The faults of a run.
    #[must_use]
    pub(crate) fn new(seed: u64, rates: Rates) -> Self {
        let chances = (0x100..).map(|p| Chance::of(seed, p)).take(Fault::ALL.len()).collect();
        let happened = [0; Fault::ALL.len()];
        Self { rates, chances, happened, aim: aim(seed), aimed: 4, on: true }
    }

    /// Nothing goes wrong from here on.
    pub(crate) const fn heal(&mut self) {
        self.on = false;
    }

    /// Whether faults still happen.
    #[must_use]
    pub(crate) const fn is_on(&self) -> bool {
        self.on
    }

    /// Whether this would go wrong now; who makes it happen counts it.
    pub(crate) fn draws(&mut self, fault: Fault) -> bool {
        let rate = self.rates.of(fault);
        self.on && rate > 0 && self.chance(fault).is_some_and(|chance| chance.happens(rate))
    }

    /// Whether this goes wrong now.
    pub(crate) fn strikes(&mut self, fault: Fault) -> bool {
        let strikes = self.draws(fault);
        if strikes {
            self.count(fault);
        }
        strikes
    }

    /// Whether a part dies before its next effect.
    pub(crate) fn kills(&mut self, kind: PartKind, last: Effect, next: Effect) -> bool {
        if self.strikes(Fault::Crash) {
            return true;
        }
        let is_aimed = self.on && self.aimed > 0 && self.aim == (kind, last, next);
        let rate = if is_aimed && self.rates != Rates::NONE { 1_000_000 } else { 0 };
        let kills = self.chance(Fault::Crash).is_some_and(|chance| chance.happens(rate));
        if kills {
            self.aimed -= 1;
            self.count(Fault::Crash);
        }
        kills
    }

    /// Takes note that a fault happened.
    pub(crate) fn count(&mut self, fault: Fault) {
        if let Some(count) = self.happened.get_mut(fault as usize) {
            *count += 1;
        }
    }

    /// A number for a fault that strikes, from `least` on and below `end`.
    pub(crate) fn between(&mut self, fault: Fault, least: u64, end: u64) -> u64 {
        self.chance(fault).map_or(least, |chance| chance.between(least, end))
    }

    /// How often a fault happened.
    #[must_use]
    pub(crate) fn happened(&self, fault: Fault) -> u64 {
        self.happened.get(fault as usize).copied().unwrap_or(0)
    }

    fn chance(&mut self, fault: Fault) -> Option<&mut Chance> {
        self.chances.get_mut(fault as usize)
    }
}
