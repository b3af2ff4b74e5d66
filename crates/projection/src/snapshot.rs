//! The books as bytes: for disposable snapshots, and for the digest.

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};

use event::{
    AccountId, Currency, Digest, InstrumentId, Label, OrderId, Source,
    books::{Balance, LimitsLoaded},
    choices::{FeedState, QuarantineReason, TradingState},
    id::digest_of,
    market::InstrumentDefined,
    message, nested,
    operations::SessionPhaseChanged,
    wire::{Blob, DecodeError, Message},
};

use crate::{
    Account, Adjustment, Booking, Books, Cash, Execution, Halt, Marks, OpenBreak, Order, Position,
    account::Posting,
    execution::{Early, Executions, ListedAt},
    instruments::Instruments,
};

/// Version of the fold; a change of what any state means raises it, and older snapshots are
/// rebuilt from the log.
pub const FOLD_VERSION: u32 = 2;

/// Why a snapshot cannot be restored; the books are rebuilt from the log instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Another version of the fold made it.
    #[error("E5101 the snapshot is of fold version {found}, this is {FOLD_VERSION}; rebuild it")]
    Version {
        /// The version that made it.
        found: u32,
    },
    /// Its bytes are not those its digest was made of.
    #[error("E5102 the snapshot's digest is {found}, its bytes have {made}; rebuild it")]
    Digest {
        /// The digest it carries.
        found: Digest,
        /// The digest of its bytes.
        made: Digest,
    },
    /// Its bytes are damaged.
    #[error("E5103 the snapshot is damaged; rebuild it")]
    Damaged(#[from] DecodeError),
}

message! {
    /// A snapshot.
    Sealed {
        /// Version of the fold.
        1 fold_version: u32,
        /// Digest of the state.
        2 digest: Digest,
        /// The state.
        3 state: Blob,
    }

    /// The books.
    BooksState {
        /// Accounts, by name.
        1 accounts: Vec<AccountState>,
        /// Every definition of every instrument, as bytes.
        2 instruments: Vec<Blob>,
        /// Whether instruments trade.
        3 statuses: Vec<StatusState>,
        /// The halt of all accounts.
        4 halt_all: Option<Halt>,
        /// Feeds.
        5 feeds: Vec<FeedEntry>,
        /// Sessions, as bytes.
        6 sessions: Vec<Blob>,
        /// Quarantined records.
        7 quarantined: Vec<QuarantineEntry>,
        /// Parked records.
        8 parked: Vec<ParkedEntry>,
    }

    /// One account.
    AccountState {
        /// The account.
        1 account: AccountId,
        /// Its reporting currency.
        2 reporting_currency: Option<Currency>,
        /// Open orders.
        3 live: Vec<Order>,
        /// Ended orders.
        4 closed: Vec<ClosedOrder>,
        /// Executions as told.
        5 told: Vec<Execution>,
        /// Busts and corrections that came before their execution.
        6 early: Vec<Early>,
        /// Corrections applied.
        7 corrections: Vec<Label>,
        /// Positions.
        8 positions: Vec<Position>,
        /// What changed positions beside executions.
        9 postings: Vec<Posting>,
        /// Cash.
        10 cash: Vec<Cash>,
        /// Bookings.
        11 bookings: Vec<Booking>,
        /// Breaks.
        12 breaks: Vec<OpenBreak>,
        /// Adjustments.
        13 adjustments: Vec<Adjustment>,
        /// Limits, as bytes.
        14 limits: Option<Blob>,
        /// Its halt.
        15 halt: Option<Halt>,
        /// Cash as reported.
        16 reported: Vec<Balance>,
        /// The broker's names for orders.
        17 names: Vec<VenueName>,
        /// Executions listed and not told of.
        18 listed: Vec<ListedAt>,
    }

    /// An ended order.
    ClosedOrder {
        /// The order.
        1 order: OrderId,
        /// Its bytes.
        2 bytes: Blob,
    }

    /// The broker's name for an order.
    VenueName {
        /// The name.
        1 venue_order: Label,
        /// The order.
        2 order: OrderId,
    }

    /// Whether an instrument trades.
    StatusState {
        /// The instrument.
        1 instrument: InstrumentId,
        /// Its state.
        2 status: TradingState,
    }

    /// A feed.
    FeedEntry {
        /// The feed.
        1 feed: Source,
        /// Its state.
        2 state: FeedState,
    }

    /// Records quarantined for one reason.
    QuarantineEntry {
        /// The reason.
        1 reason: QuarantineReason,
        /// How many.
        2 records: u64,
    }

    /// Records parked from one place.
    ParkedEntry {
        /// Where from.
        1 origin: Source,
        /// How many.
        2 records: u64,
    }
}

nested!(AccountState, ClosedOrder, VenueName, StatusState, FeedEntry, QuarantineEntry, ParkedEntry,);

fn bytes_of<M: Message>(message: &M) -> Blob {
    let mut out = Vec::with_capacity(128);
    message.encode(&mut out);
    Blob(out)
}

fn digest_of_state(state: &Blob) -> Digest {
    digest_of("books", &[&FOLD_VERSION.to_le_bytes(), &state.0])
}

/// A snapshot around any state, its digest right.
#[cfg(test)]
pub(crate) fn sealed(state: &[u8]) -> Vec<u8> {
    let state = Blob(state.to_vec());
    bytes_of(&Sealed { fold_version: FOLD_VERSION, digest: digest_of_state(&state), state }).0
}

impl Books {
    /// Digest of the books. Market data, signals, alerts, timers and life-cycle events leave it as
    /// it is.
    #[must_use]
    pub fn digest(&self) -> Digest {
        digest_of_state(&bytes_of(&self.state()))
    }

    /// Digest of the whole business state: the books and the last prices.
    #[must_use]
    pub fn state_digest(&self, marks: &Marks) -> Digest {
        digest_of("state", &[&self.digest().0, &marks.digest().0])
    }

    /// The books as bytes, with the fold's version and their digest.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let state = bytes_of(&self.state());
        let digest = digest_of_state(&state);
        bytes_of(&Sealed { fold_version: FOLD_VERSION, digest, state }).0
    }

    /// Takes back what [`Books::snapshot`] gave.
    ///
    /// # Errors
    /// [`SnapshotError`] when another version made it or its bytes are damaged.
    pub fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let sealed = Sealed::decode(bytes)?;
        if sealed.fold_version != FOLD_VERSION {
            return Err(SnapshotError::Version { found: sealed.fold_version });
        }
        let made = digest_of_state(&sealed.state);
        if made != sealed.digest {
            return Err(SnapshotError::Digest { found: sealed.digest, made });
        }
        Ok(Self::of_state(BooksState::decode(&sealed.state.0)?)?)
    }

    fn state(&self) -> BooksState {
        BooksState {
            accounts: self.accounts.values().map(AccountState::of).collect(),
            instruments: self.instruments.all().map(bytes_of).collect(),
            statuses: self
                .instruments
                .status
                .iter()
                .map(|(&instrument, &status)| StatusState { instrument, status })
                .collect(),
            halt_all: self.halt_all.clone(),
            feeds: self.feeds().map(|(feed, state)| FeedEntry { feed, state }).collect(),
            sessions: self.sessions.values().map(bytes_of).collect(),
            quarantined: self
                .quarantined()
                .map(|(reason, records)| QuarantineEntry { reason, records })
                .collect(),
            parked: self
                .parked()
                .map(|(origin, records)| ParkedEntry { origin, records })
                .collect(),
        }
    }

    fn of_state(state: BooksState) -> Result<Self, DecodeError> {
        let mut instruments = Instruments::default();
        for bytes in &state.instruments {
            let _ = instruments.define(&InstrumentDefined::decode(&bytes.0)?);
        }
        instruments.status =
            state.statuses.into_iter().map(|entry| (entry.instrument, entry.status)).collect();
        let mut sessions = BTreeMap::new();
        for bytes in &state.sessions {
            let session = SessionPhaseChanged::decode(&bytes.0)?;
            let _ = sessions.insert(session.calendar, session);
        }
        let mut accounts = BTreeMap::new();
        for account in state.accounts {
            let _ = accounts.insert(account.account, account.restored()?);
        }
        Ok(Self {
            accounts,
            instruments,
            halt_all: state.halt_all,
            feeds: state.feeds.into_iter().map(|entry| (entry.feed, entry.state)).collect(),
            sessions,
            quarantined: state.quarantined.into_iter().map(|e| (e.reason, e.records)).collect(),
            parked: state.parked.into_iter().map(|e| (e.origin, e.records)).collect(),
        })
    }
}

impl AccountState {
    fn of(account: &Account) -> Self {
        let executions = &account.executions;
        Self {
            account: account.account,
            reporting_currency: account.reporting_currency,
            live: account.live.values().map(|order| (**order).clone()).collect(),
            closed: account
                .closed
                .iter()
                .map(|(&order, bytes)| ClosedOrder { order, bytes: Blob(bytes.to_vec()) })
                .collect(),
            told: executions.told.clone(),
            early: executions
                .early
                .iter()
                .map(|(&exec_id, terms)| Early { exec_id, terms: terms.clone() })
                .collect(),
            corrections: executions.corrections.iter().copied().collect(),
            listed: executions
                .listed
                .iter()
                .map(|(&exec_id, &at)| ListedAt { exec_id, at })
                .collect(),
            positions: account.positions.values().cloned().collect(),
            postings: account.postings.clone(),
            cash: account.cash.values().cloned().collect(),
            bookings: account.bookings.values().cloned().collect(),
            breaks: account.breaks.values().cloned().collect(),
            adjustments: account.adjustments.values().cloned().collect(),
            limits: account.limits.as_ref().map(bytes_of),
            halt: account.halt.clone(),
            reported: account.reported.clone(),
            names: account
                .by_venue
                .iter()
                .map(|(&venue_order, &order)| VenueName { venue_order, order })
                .collect(),
        }
    }

    fn restored(self) -> Result<Account, DecodeError> {
        let mut executions = Executions::new();
        for execution in self.told {
            executions.push(execution);
        }
        executions.early = self.early.into_iter().map(|e| (e.exec_id, e.terms)).collect();
        executions.corrections = self.corrections.into_iter().collect();
        executions.listed = self.listed.into_iter().map(|one| (one.exec_id, one.at)).collect();
        let limits = match self.limits {
            Some(bytes) => Some(LimitsLoaded::decode(&bytes.0)?),
            None => None,
        };
        let closed = self.closed.into_iter();
        Ok(Account {
            account: self.account,
            reporting_currency: self.reporting_currency,
            live: self.live.into_iter().map(|order| (order.order, Box::new(order))).collect(),
            closed: closed.map(|c| (c.order, Box::from(c.bytes.0))).collect(),
            by_venue: self.names.into_iter().map(|n| (n.venue_order, n.order)).collect(),
            executions,
            positions: self.positions.into_iter().map(|p| (p.instrument, p)).collect(),
            postings: self.postings,
            cash: self.cash.into_iter().map(|cash| (cash.currency, cash)).collect(),
            bookings: self.bookings.into_iter().map(|b| ((b.booking, b.booking_id), b)).collect(),
            breaks: self.breaks.into_iter().map(|b| (b.break_id, b)).collect(),
            adjustments: self.adjustments.into_iter().map(|a| (a.event, a)).collect(),
            limits,
            halt: self.halt,
            reported: self.reported,
        })
    }
}
