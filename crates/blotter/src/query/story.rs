//! What happened in a run, in the order it happened, for someone who was not there.

use std::collections::BTreeMap;

use event::{Body, BreakId, Event, Source, Timestamp, choices::BreakCode};

/// The beats of a run worth telling.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    beats: Vec<(Timestamp, String)>,
    quarantined: BTreeMap<(Source, String), Stretch>,
    breaks: BTreeMap<BreakId, BreakTale>,
    order_of_breaks: Vec<BreakId>,
}

/// Records of one origin that would not become events, for one reason.
#[derive(Clone, Debug)]
struct Stretch {
    count: u64,
    first: Timestamp,
    last: Timestamp,
    sample: String,
}

#[derive(Clone, Debug)]
struct BreakTale {
    code: BreakCode,
    subject: String,
    opened: Timestamp,
    difference: String,
    explained: Option<String>,
    resolved: Option<String>,
}

impl Story {
    /// Takes an event in.
    pub(crate) fn add(&mut self, event: &Event) {
        let at = event.time;
        match &event.body {
            Body::EventQuarantined(bad) => {
                let stretch =
                    self.quarantined.entry((bad.origin, bad.reason.to_string())).or_insert_with(
                        || Stretch { count: 0, first: at, last: at, sample: bad.detail.clone() },
                    );
                stretch.count += 1;
                stretch.last = at;
            }
            Body::FeedStatusChanged(feed) => {
                self.beat(at, format!("feed {} is {}: {}", feed.feed, feed.state, feed.detail));
            }
            Body::TradingHalted(halt) => {
                self.beat(at, format!("TRADING HALTED by {}: {}", halt.by, halt.reason));
            }
            Body::OperatorCommanded(command) => self.beat(
                at,
                format!("{} asks for {}: {}", command.actor, command.verb, command.reason),
            ),
            Body::ResumeRefused(refused) => {
                self.beat(at, format!("resume refused: {}", refused.reason));
            }
            Body::TradingResumed(resumed) => {
                self.beat(at, format!("TRADING RESUMED by {}: {}", resumed.actor, resumed.reason))
            }
            Body::OrderUnknown(unknown) => self.beat(
                at,
                format!("order {} has no known outcome: {}", unknown.order, unknown.reason),
            ),
            Body::OrderExecuted(execution) if execution.recovered => {
                let whose = if execution.external { "placed outside Blotter" } else { "ours" };
                self.beat(
                    at,
                    format!(
                        "found at the broker: {} {} {} at {} ({whose})",
                        execution.side,
                        execution.last_quantity,
                        execution.instrument,
                        execution.last_price
                    ),
                );
            }
            Body::LimitBreached(breach) => self.beat(
                at,
                format!(
                    "limit {} passed: {} against {}",
                    breach.rule, breach.observed, breach.limit
                ),
            ),
            Body::BreakOpened(opened) => {
                self.order_of_breaks.push(opened.break_id);
                let _ = self.breaks.insert(
                    opened.break_id,
                    BreakTale {
                        code: opened.code,
                        subject: opened.subject.clone(),
                        opened: at,
                        difference: format!("ours {}, broker {}", opened.ours, opened.broker),
                        explained: None,
                        resolved: None,
                    },
                );
            }
            Body::BreakExplained(explained) => {
                if let Some(tale) = self.breaks.get_mut(&explained.break_id) {
                    tale.explained = Some(explained.explanation.clone());
                }
            }
            Body::BreakResolved(resolved) => {
                if let Some(tale) = self.breaks.get_mut(&resolved.break_id) {
                    tale.resolved = Some(format!("{}: {}", resolved.resolution, resolved.detail));
                }
            }
            _ => {}
        }
    }

    /// Lines of text, grouped as they are told.
    #[must_use]
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.beats.is_empty() {
            lines.push("What happened".to_owned());
            lines.extend(self.beats.iter().map(|(at, text)| format!("  {}  {text}", clock(*at))));
        }
        if !self.quarantined.is_empty() {
            lines.push("Quarantined, with bytes and reason".to_owned());
            for ((origin, reason), stretch) in &self.quarantined {
                lines.push(format!(
                    "  {origin}  {} x {reason}, {} to {}: {}",
                    stretch.count,
                    clock(stretch.first),
                    clock(stretch.last),
                    stretch.sample
                ));
            }
        }
        if !self.order_of_breaks.is_empty() {
            lines.push("Breaks between our books and the broker's".to_owned());
            for tale in self.order_of_breaks.iter().filter_map(|id| self.breaks.get(id)) {
                lines.push(format!(
                    "  {}  {} {}: {}",
                    clock(tale.opened),
                    tale.code,
                    tale.subject,
                    tale.difference
                ));
                let explained = tale.explained.as_deref().unwrap_or("not explained");
                let resolved = tale.resolved.as_deref().unwrap_or("still open");
                lines.push(format!("            explained: {explained}"));
                lines.push(format!("            resolved: {resolved}"));
            }
        }
        lines.iter().map(|line| super::printable(line)).collect()
    }

    fn beat(&mut self, at: Timestamp, text: String) {
        // Bounded: a story is read by a person; the journal has everything.
        if self.beats.len() < BEATS_MAX {
            self.beats.push((at, text));
        }
    }
}

/// Beats told at most.
const BEATS_MAX: usize = 200;

/// The time of day, to the millisecond.
fn clock(at: Timestamp) -> String {
    at.to_string().get(11..23).unwrap_or_default().to_owned()
}
