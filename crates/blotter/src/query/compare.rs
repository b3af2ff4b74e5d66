//! Two events side by side, field by field.

use event::{Event, wire::event_to_json};
use serde_json::Value;

/// A field in which two events differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldDifference {
    /// Its path: `body.limit_price`, `basis.observed[1].value`.
    pub(crate) field: String,
    /// What one side says; `None` when it says nothing.
    pub(crate) one: Option<String>,
    /// What the other says.
    pub(crate) other: Option<String>,
}

/// Every field in which the two differ: what the events say before what they are called.
#[must_use]
pub(crate) fn field_differences(one: &Event, other: &Event) -> Vec<FieldDifference> {
    let mut found = Vec::new();
    walk(String::new(), Some(&event_to_json(one)), Some(&event_to_json(other)), &mut found);
    found.sort_by_key(|difference| {
        let rank = ["body", "kind", "key", "time", "event_time", "basis"]
            .into_iter()
            .position(|first| difference.field.split(['.', '[']).next() == Some(first));
        rank.unwrap_or(usize::MAX)
    });
    found
}

fn walk(
    path: String,
    one: Option<&Value>,
    other: Option<&Value>,
    found: &mut Vec<FieldDifference>,
) {
    if one == other {
        return;
    }
    match (one, other) {
        (Some(Value::Object(ones)), Some(Value::Object(others))) => {
            let only_others = others.keys().filter(|name| !ones.contains_key(*name));
            for name in ones.keys().chain(only_others) {
                let field = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(field, ones.get(name), others.get(name), found);
            }
        }
        (Some(Value::Array(ones)), Some(Value::Array(others))) => {
            for at in 0..ones.len().max(others.len()) {
                walk(format!("{path}[{at}]"), ones.get(at), others.get(at), found);
            }
        }
        _ => {
            found.push(FieldDifference { field: path, one: one.map(text), other: other.map(text) })
        }
    }
}

fn text(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    super::printable(&text)
}

#[cfg(test)]
mod tests {
    use event::{
        Body, Event, Source, Timestamp, books::AlertRaised, choices::Severity, id::foreign_id,
    };

    use super::{FieldDifference, field_differences};

    fn alert(subject: &str, time: i64) -> Event {
        let source = Source::new("test").unwrap();
        let body = Body::from(AlertRaised {
            alert: event::Label::new("A").unwrap(),
            severity: Severity::Info,
            subject: subject.into(),
            detail: "same".into(),
            account: None,
        });
        let key = body.key();
        worker::root_event(foreign_id(source, 1), source, 1, Timestamp(time), None, key, body)
    }

    #[test]
    fn each_field_that_differs_is_named_with_both_sides_and_no_other() {
        assert_eq!(field_differences(&alert("a", 1), &alert("a", 1)), []);
        let found = field_differences(&alert("a", 1), &alert("b\u{1b}[2J", 1));
        let subject = FieldDifference {
            field: "body.subject".into(),
            one: Some("a".into()),
            other: Some("b\u{fffd}[2J".into()),
        };
        assert_eq!(found, [subject]);
        let fields = |found: Vec<FieldDifference>| -> Vec<String> {
            found.into_iter().map(|one| one.field).collect()
        };
        let both = field_differences(&alert("a", 1), &alert("b", 2));
        assert_eq!(fields(both), ["body.subject", "time"]);
    }
}
