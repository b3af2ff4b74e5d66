//! What an id on the command line names: whole, or as many of its first digits as are unique, or the
//! broker's own name of an execution.

use std::collections::BTreeMap;

use event::{Body, Event, Kind, Label, OrderId, TraceId};

use crate::{
    exit::{Exit, Failure},
    query::summary,
};

/// Digits of a whole id.
const WHOLE: usize = 32;
/// Fewer digits name nothing: they would be another's tomorrow.
const DIGITS_MIN: usize = 4;
/// Matches listed when there are several.
const LISTED_MAX: usize = 10;

/// Visits every event of the journal, in order.
pub(super) type Visit<'a> = &'a mut dyn FnMut(&mut dyn FnMut(u64, &Event)) -> Result<(), Failure>;

/// The order that `text` names: by its id, or by one of its executions.
pub(super) fn order(text: &str, each: Visit<'_>) -> Result<OrderId, Failure> {
    let name = Name::read(text)?;
    if let Some(order) = name.whole().and_then(|digits| digits.parse().ok()) {
        return Ok(order);
    }
    let mut found = BTreeMap::new();
    each(&mut |index, event| {
        let Some(order) = order_of(event) else { return };
        if name.begins(&order.to_string()) || name.is_execution(event) {
            let _ = found.entry(order).or_insert_with(|| line(index, event));
        }
    })?;
    one(text, found).unwrap_or_else(|| Err(no_order(text)))
}

/// Nobody proposed it.
pub(super) fn no_order(text: &str) -> Failure {
    Failure::new(
        Exit::NotFound,
        format!(
            "E7602 no order or execution {text} in the journal; `blotter state` lists open orders"
        ),
    )
}

/// The trace that `text` names: by its own id, or by that of an event, order or execution in it.
pub(super) fn trace(text: &str, each: Visit<'_>) -> Result<TraceId, Failure> {
    let name = Name::read(text)?;
    let mut found = BTreeMap::new();
    each(&mut |index, event| {
        // An order that began at the broker has an id that is no event's.
        let external = order_of(event).filter(|_| event.body.kind() == Kind::OrderAccepted);
        let ids = [
            Some(event.event_id.to_string()),
            Some(event.trace_id.to_string()),
            external.map(|order| order.to_string()),
        ];
        let named = ids.into_iter().flatten().find(|id| name.begins(id));
        let named = named.or_else(|| name.is_execution(event).then(|| text.to_owned()));
        if let Some(id) = named {
            let of = || format!("by {id}, {}", line(index, event));
            let _ = found.entry(event.trace_id).or_insert_with(of);
        }
    })?;
    one(text, found).unwrap_or_else(|| {
        Err(Failure::new(
            Exit::NotFound,
            format!(
                "E7601 no trace, event, order or execution {text} in the journal; `blotter tail` shows \
                 ids with --json"
            ),
        ))
    })
}

fn order_of(event: &Event) -> Option<OrderId> {
    match &event.body {
        Body::OrderProposed(_) => Some(OrderId(event.event_id.0)),
        body => body.order(),
    }
}

fn line(index: u64, event: &Event) -> String {
    format!("{index}  {} {}", event.body.kind().as_str(), summary(event))
}

/// The one that was found; `None` when there is none.
fn one<T: std::fmt::Display>(text: &str, found: BTreeMap<T, String>) -> Option<Result<T, Failure>> {
    let several = found.len();
    if several > 1 {
        let mut words =
            format!("E7604 `{text}` begins {several} ids; give more digits of the one meant:");
        for (id, line) in found.iter().take(LISTED_MAX) {
            words.push_str(&format!("\n  {id}  {line}"));
        }
        if several > LISTED_MAX {
            words.push_str(&format!("\n  and {} more", several - LISTED_MAX));
        }
        return Some(Err(Failure::new(Exit::Usage, words)));
    }
    found.into_keys().next().map(Ok)
}

/// What was typed.
struct Name {
    /// The first digits of an id, when it can be that.
    digits: Option<String>,
    /// An execution, when it can be that.
    execution: Option<Label>,
}

impl Name {
    fn read(text: &str) -> Result<Self, Failure> {
        let hex = text.len() <= WHOLE && text.chars().all(|c| c.is_ascii_hexdigit());
        let digits = (hex && text.len() >= DIGITS_MIN).then(|| text.to_ascii_lowercase());
        let execution = Label::new(text).ok();
        if digits.is_none() && execution.is_none() {
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "E7603 `{text}` is no id: an id is 32 hexadecimal digits, the first {DIGITS_MIN} or more of \
                     them, or the name of an execution"
                ),
            ));
        }
        Ok(Self { digits, execution })
    }

    fn whole(&self) -> Option<&str> {
        self.digits.as_deref().filter(|digits| digits.len() == WHOLE)
    }

    fn begins(&self, id: &str) -> bool {
        self.digits.as_ref().is_some_and(|digits| id.starts_with(digits.as_str()))
    }

    fn is_execution(&self, event: &Event) -> bool {
        let named = match &event.body {
            Body::OrderExecuted(executed) => Some(executed.exec_id),
            Body::ExecutionBusted(busted) => Some(busted.exec_id),
            Body::ExecutionCorrected(corrected) => Some(corrected.exec_id),
            _ => None,
        };
        named.is_some() && named == self.execution
    }
}
