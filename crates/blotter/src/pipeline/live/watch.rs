//! What an operator who watches a live run is told as it happens: commands and what became of them,
//! and every change of the latch, a damaged one too.

use bus::BusError;
use event::{Body, Event, Source};

use crate::control::{HaltLatch, LatchState};

/// Something to tell.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Told<'a> {
    /// A halt, a release, a refusal, or what an operator asked for.
    Event(&'a Event),
    /// No order leaves from now on, and why.
    Halted(&'a str),
    /// Orders may leave again.
    Released,
    /// This process decides the task from now on, under this claim.
    Holds(Source, u64),
    /// This process follows the task, ready to take it over.
    StandsBy(Source),
    /// The task stands still, and this process takes it over; what it owes.
    TakesOver(Source, &'a str),
    /// Another process decides the task, under this claim.
    Elsewhere(Source, u64),
    /// The task stands still, and no other process has taken it over; what it owes.
    StandsStill(Source, &'a str),
    /// Another process has taken the task over.
    Lost(Source, &'a BusError),
}

/// Tells each thing once.
pub(super) struct Watch {
    pub(super) tell: fn(Told<'_>),
    /// The latch as it was told last.
    pub(super) told: LatchState,
}

impl Watch {
    pub(super) fn event(&self, event: &Event) {
        if matches!(
            event.body,
            Body::OperatorCommanded(_)
                | Body::TradingHalted(_)
                | Body::TradingResumed(_)
                | Body::ResumeRefused(_)
        ) {
            (self.tell)(Told::Event(event));
        }
    }

    pub(super) fn latch(&mut self, latch: &HaltLatch) {
        let state = latch.state();
        if state == self.told {
            return;
        }
        match &state {
            LatchState::Halted { reason } => (self.tell)(Told::Halted(reason)),
            LatchState::Open => (self.tell)(Told::Released),
        }
        self.told = state;
    }
}
