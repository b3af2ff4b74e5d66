//! Say it once, count the rest.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use event::{Label, SECOND_NS, Timestamp, message, nested};

message! {
    /// What is being kept quiet about one (alert, subject).
    Muted {
        /// The alert.
        1 alert: Label,
        /// What it is about.
        2 subject: String,
        /// When it was last said.
        3 said: Timestamp,
        /// How often it was kept quiet since.
        4 suppressed: u64,
    }
}

nested!(Muted);

/// Whether to say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raise {
    /// Say it, and that it was kept quiet `suppressed` times since it was last said.
    Say {
        /// Repeats kept quiet since the last time.
        suppressed: u64,
    },
    /// Keep quiet; it is counted.
    Quiet,
}

/// Most subjects remembered; the one said longest ago is forgotten to make room.
pub const SUBJECTS_MAX: usize = 1024;

/// Lets one alert per (alert, subject) through in a window and counts what it holds back.
///
/// The default window is five minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    window_ns: i64,
    subjects: BTreeMap<(Label, String), Muted>,
}

impl Suppression {
    /// One per `window_ns`.
    #[must_use]
    pub const fn new(window_ns: i64) -> Self {
        Self { window_ns, subjects: BTreeMap::new() }
    }

    /// Takes an alert that could be raised and decides.
    pub fn raise(&mut self, now: Timestamp, alert: Label, subject: &str) -> Raise {
        let key = (alert, String::from(subject));
        if let Some(muted) = self.subjects.get_mut(&key) {
            if now.since_ns(muted.said) < self.window_ns {
                muted.suppressed += 1;
                return Raise::Quiet;
            }
            let suppressed = core::mem::take(&mut muted.suppressed);
            muted.said = now;
            return Raise::Say { suppressed };
        }
        if self.subjects.len() >= SUBJECTS_MAX {
            self.forget_oldest();
        }
        let muted = Muted { alert, subject: key.1.clone(), said: now, suppressed: 0 };
        let _ = self.subjects.insert(key, muted);
        Raise::Say { suppressed: 0 }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.subjects.iter().min_by_key(|(_, muted)| muted.said);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            let _ = self.subjects.remove(&key);
        }
    }

    /// What is remembered, for a snapshot.
    #[must_use]
    pub fn muted(&self) -> Vec<Muted> {
        self.subjects.values().cloned().collect()
    }

    /// Takes back what [`Suppression::muted`] gave.
    pub fn restore(&mut self, muted: Vec<Muted>) {
        self.subjects =
            muted.into_iter().map(|one| ((one.alert, one.subject.clone()), one)).collect();
    }
}

impl Default for Suppression {
    fn default() -> Self {
        Self::new(300 * SECOND_NS)
    }
}
