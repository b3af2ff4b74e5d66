//! From what others wrote into the bus to roots.
//!
//! Every entry that others wrote is judged once, in log order, by the one who mints roots. What was
//! offered at the place for producers outside, and is an event that they may publish, becomes that
//! event; anything else becomes `EventQuarantined`, whose id follows from where the entry stands. How
//! far was judged is a mark in the log, in the same call as what came of it.

use bus::{Foreign, Progress};
use event::{
    Body, DecodeError, Event, SECOND_NS, Source, Timestamp,
    choices::QuarantineReason,
    id::{foreign_id, place_id},
    wire::JsonRoot,
};
use worker::root_event;

use super::{
    PipelineError,
    ingress::{Numbering, Submission, admit, conflict, is_same},
};

/// The source of what is quarantined, whose mark says how far was judged.
pub(crate) const STRANGERS: &str = "ingress/foreign";
/// Where it came from, when nothing else says so.
const BUS: &str = "bus";
/// The largest event: a body of 60 KiB, and what stands around it.
const EVENT_BYTES_MAX: usize = 64 << 10;
/// How far a producer's clock may be ahead of the servers'.
const AHEAD_NS: i64 = 60 * SECOND_NS;

/// What becomes of an entry.
pub(crate) enum Judged {
    /// The next event of a producer.
    New(Box<Event>),
    /// A number its producer used before: what is stored decides.
    Repeat(Box<JsonRoot>),
    /// No event.
    Quarantined(Verdict),
}

/// Why an entry is no event.
pub(crate) struct Verdict {
    origin: Source,
    reason: QuarantineReason,
    detail: String,
}

impl Verdict {
    fn new(origin: Source, reason: QuarantineReason, detail: String) -> Self {
        Self { origin, reason, detail }
    }

    /// Of a producer that says something else than is stored.
    pub(crate) fn conflict(root: &JsonRoot) -> Self {
        Self::new(root.source, QuarantineReason::Conflict, conflict(root))
    }
}

/// Judges entries in the order of the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judge {
    source: Source,
    bus: Source,
    incarnation: u64,
    /// Entries below it were judged.
    next: u64,
}

impl Judge {
    /// One that goes on where the log says.
    pub(crate) fn resume(
        incarnation: u64,
        progress: impl FnOnce(Source) -> Option<Progress>,
    ) -> Result<Self, PipelineError> {
        let (source, bus) = (Source::new(STRANGERS)?, Source::new(BUS)?);
        let next = progress(source).and_then(|progress| progress.mark).unwrap_or(0);
        Ok(Self { source, bus, incarnation, next })
    }

    pub(crate) const fn source(&self) -> Source {
        self.source
    }

    /// Whether nobody has judged it yet.
    pub(crate) const fn is_due(&self, foreign: &Foreign) -> bool {
        foreign.index >= self.next
    }

    /// Takes note that an entry is judged, and returns the mark that says so.
    pub(crate) const fn pass(&mut self, foreign: &Foreign) -> u64 {
        self.next = foreign.index + 1;
        self.next
    }

    /// What becomes of an entry; an event of it is stamped with `time`.
    pub(crate) fn judge(
        &self,
        foreign: &Foreign,
        numbering: &Numbering,
        time: Timestamp,
    ) -> Judged {
        let refused =
            |origin, reason, detail| Judged::Quarantined(Verdict::new(origin, reason, detail));
        if let Some(why) = &foreign.why {
            return refused(self.bus, QuarantineReason::Foreign, why.clone());
        }
        let root = match offered(&foreign.bytes) {
            Ok(root) => root,
            Err(why) => return refused(self.bus, QuarantineReason::Foreign, why),
        };
        let ahead_ns = root.event_time.map_or(0, |said| said.since_ns(foreign.stored_at));
        if ahead_ns > AHEAD_NS {
            let (seq, ahead_s) = (root.source_seq, ahead_ns / SECOND_NS);
            let detail = format!("event_time of number {seq} is {ahead_s} s ahead of the servers");
            return refused(root.source, QuarantineReason::Clock, detail);
        }
        let origin = root.source;
        match admit(root, numbering, time) {
            Submission::New(event) => Judged::New(event),
            Submission::Repeat(root) => Judged::Repeat(root),
            Submission::Refused(why) => refused(origin, QuarantineReason::Foreign, why),
        }
    }

    /// The event that says why an entry is none; the same whoever says it, as long as `time` is.
    pub(crate) fn quarantine(
        &self,
        foreign: &Foreign,
        verdict: Verdict,
        numbering: &mut Numbering,
        time: Timestamp,
    ) -> Event {
        let Verdict { origin, reason, detail } = verdict;
        let detail = format!("{}: {detail}", foreign.place);
        let record = feed::quarantined(origin, foreign.index, reason, detail, &foreign.bytes);
        let body = Body::from(record);
        let (id, key) = (place_id(self.incarnation, foreign.index), body.key());
        let seq = numbering.last(self.source) + 1;
        numbering.observe(self.source, seq);
        root_event(id, self.source, seq, time, None, key, body)
    }
}

/// Whether what is stored is what its producer offers again.
pub(crate) fn is_known(stored: Option<&Event>, root: &JsonRoot) -> bool {
    stored.is_some_and(|stored| is_same(stored, root))
}

/// The event that bytes offer, as far as it is its producer's to say.
fn offered(bytes: &[u8]) -> Result<JsonRoot, String> {
    if bytes.len() > EVENT_BYTES_MAX {
        let total = bytes.len();
        return Err(format!("{total} bytes are more than the {EVENT_BYTES_MAX} of an event"));
    }
    let event = Event::decode(bytes).map_err(|error: DecodeError| error.to_string())?;
    let Event { source, source_seq, key, event_time, body, .. } = event;
    let id = foreign_id(source, source_seq);
    if event.event_id != id {
        return Err(format!(
            "its id is {}; number {source_seq} of {source} has {id}",
            event.event_id
        ));
    }
    if event.cause_id.is_some() || event.basis.is_some() {
        return Err("a producer's event has neither cause nor basis".into());
    }
    Ok(JsonRoot { source, source_seq, key, event_time, body })
}

#[cfg(test)]
mod tests {
    use event::{books::AlertRaised, choices::Severity, id::root_trace};

    use super::*;

    const STORED: Timestamp = Timestamp(1_732_000_000_000_000_000);

    fn alert(source: &str, source_seq: u64) -> Event {
        let source = Source::new(source).unwrap();
        let id = foreign_id(source, source_seq);
        let body = Body::from(AlertRaised {
            alert: event::Label::new("Noise").unwrap(),
            severity: Severity::Info,
            subject: "x".into(),
            detail: "y".into(),
            account: None,
        });
        let (key, trace_id) = (body.key(), root_trace(id));
        Event {
            event_id: id,
            trace_id,
            cause_id: None,
            source,
            source_seq,
            key,
            time: STORED,
            event_time: Some(STORED),
            basis: None,
            body,
        }
    }

    fn entry(bytes: &[u8]) -> Foreign {
        let (place, bytes) = ("B.in.x at 8".into(), bytes.to_vec().into());
        Foreign { index: 7, stored_at: STORED, place, why: None, bytes }
    }

    fn judge(foreign: &Foreign, last: u64) -> Result<u64, (String, QuarantineReason)> {
        let judge = Judge::resume(3, |_| None).unwrap();
        let mut numbering = Numbering::default();
        numbering.observe(Source::new("alpha").unwrap(), last);
        match judge.judge(foreign, &numbering, Timestamp(5)) {
            Judged::New(event) => {
                assert_eq!(event.time, Timestamp(5), "what a producer says of time is its own");
                Ok(event.source_seq)
            }
            Judged::Repeat(root) => Ok(root.source_seq),
            Judged::Quarantined(verdict) => Err((verdict.detail, verdict.reason)),
        }
    }

    #[test]
    fn what_a_producer_may_say_is_its_event_and_anything_else_says_why_not() {
        let of = |event: &Event| entry(&event.encode());
        assert_eq!(judge(&of(&alert("alpha", 1)), 0), Ok(1));
        assert_eq!(judge(&of(&alert("alpha", 3)), 5), Ok(3));
        let astray = Foreign { why: Some("no source".into()), ..of(&alert("alpha", 1)) };
        let mut caused = alert("alpha", 1);
        caused.cause_id = Some(caused.event_id);
        let other_id = Event { event_id: foreign_id(caused.source, 2), ..alert("alpha", 1) };
        let late = |ns| Event { event_time: Some(STORED.plus_ns(ns)), ..alert("alpha", 1) };
        assert_eq!(judge(&of(&late(AHEAD_NS)), 0), Ok(1));
        assert_eq!(judge(&of(&late(-AHEAD_NS * 1_000_000)), 0), Ok(1));
        let mut large = alert("alpha", 1);
        if let Body::AlertRaised(alert) = &mut large.body {
            alert.detail = "x".repeat(EVENT_BYTES_MAX);
        }
        use QuarantineReason::{Clock, Foreign as Strange};
        for (entry, words, reason) in [
            (astray, "no source", Strange),
            (entry(b"garbage"), "", Strange),
            (of(&large), "more than the 65536", Strange),
            (of(&caused), "neither cause", Strange),
            (of(&other_id), "number 1 of alpha has", Strange),
            (of(&late(AHEAD_NS + 1)), "60 s ahead", Clock),
            (of(&alert("risk/A", 1)), "E7102", Strange),
            (of(&alert("alpha", 2)), "E7105", Strange),
            (of(&alert("alpha", 0)), "E7104", Strange),
        ] {
            let (said, found) = judge(&entry, 0).unwrap_err();
            assert!(said.contains(words), "{said}");
            assert_eq!(found, reason);
        }
    }

    #[test]
    fn an_entry_is_quarantined_under_one_id_with_its_place_and_the_beginning_of_its_bytes() {
        let judge = Judge::resume(3, |_| None).unwrap();
        let foreign = Foreign { why: Some("none of ours".into()), ..entry(&[9; 50 << 10]) };
        let told = |incarnation| {
            let judge = Judge { incarnation, ..judge };
            let verdict = Verdict::new(judge.bus, QuarantineReason::Foreign, "none of ours".into());
            judge.quarantine(&foreign, verdict, &mut Numbering::default(), Timestamp(5))
        };
        let event = told(3);
        assert_eq!(event.encode(), told(3).encode());
        assert_ne!(event.event_id, told(4).event_id);
        let Body::EventQuarantined(record) = &event.body else { panic!("{event:?}") };
        assert_eq!((record.record, record.bytes.0.len()), (7, 48 << 10));
        assert_eq!(
            (record.bytes_total, record.detail.as_str()),
            (50 << 10, "B.in.x at 8: none of ours")
        );
    }

    #[test]
    fn what_was_judged_before_is_not_due() {
        let mark = |source| {
            let mut progress = Progress::none(source);
            progress.mark = Some(8);
            Some(progress)
        };
        let mut judge = Judge::resume(3, mark).unwrap();
        let seven = entry(b"");
        let eight = Foreign { index: 8, ..seven.clone() };
        assert!(!judge.is_due(&seven) && judge.is_due(&eight));
        assert_eq!(judge.pass(&eight), 9);
        assert!(!judge.is_due(&eight));
    }
}
