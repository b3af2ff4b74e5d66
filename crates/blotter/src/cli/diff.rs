//! `diff`: two runs, or two moments of one, held against each other.

use serde_json::{Value, json};

use super::{args::Common, output};
use crate::{
    comparison::{Comparison, Moment, Parting},
    data_dir::DataDir,
    exit::{Exit, Failure, OrItsExit as _},
    journal::Until,
    query::{FieldDifference, Indexed, LineDifference, field_differences, summary},
};

/// Compares and says so; writes nothing but snapshots.
pub(super) fn diff(common: &Common, one: &str, other: &str) -> Result<Exit, Failure> {
    let (here, there) = (moment(one)?, moment(other)?);
    let comparison = Comparison::of(&here, &there)?;
    let words = Words { one: one.into(), other: other.into() };
    if common.json {
        output::json(&to_json(&comparison));
    } else {
        heading(&comparison, &words);
        bindings(&here, &there, &words)?;
        print(&comparison, &words);
    }
    Ok(if comparison.is_equal() { Exit::Ok } else { Exit::CheckFailed })
}

/// What the two sides are called.
pub(super) struct Words {
    pub(super) one: String,
    pub(super) other: String,
}

/// Reads `DIR`, `DIR@INDEX` or `DIR@INSTANT`.
fn moment(text: &str) -> Result<Moment, Failure> {
    if let Some((dir, at)) = text.rsplit_once('@')
        && !std::path::Path::new(text).is_dir()
    {
        return Ok(Moment { dir: DataDir::new(dir.as_ref()), until: Until::parse(Some(at))? });
    }
    Ok(Moment { dir: DataDir::new(text.as_ref()), until: Until::End })
}

fn heading(comparison: &Comparison, words: &Words) {
    let side = |name: &str, folded: &crate::history::Folded| {
        [
            name.to_owned(),
            folded.last.map_or("-".into(), |last| last.to_string()),
            folded.fold.tally.total().to_string(),
            short(&folded.fold.state_digest()),
            short(&folded.fold.log.digest()),
        ]
    };
    output::table(
        ["", "INDEX", "EVENTS", "STATE", "LOG"],
        &[side(&words.one, &comparison.one), side(&words.other, &comparison.other)],
    );
}

/// What the two directories were made of, where that differs.
fn bindings(here: &Moment, there: &Moment, words: &Words) -> Result<(), Failure> {
    let one = here.dir.binding().or_its_exit()?;
    let other = there.dir.binding().or_its_exit()?;
    let (Some(one), Some(other)) = (one, other) else { return Ok(()) };
    if one.mode != other.mode {
        output::line(&format!(
            "{} is a {} run, {} a {} run",
            words.one, one.mode, words.other, other.mode
        ));
    }
    if one.config != other.config {
        output::line("they were run with different settings");
    }
    let digests = |binding: &crate::data_dir::Binding| -> Vec<_> {
        binding.inputs.iter().map(|(digest, _)| *digest).collect()
    };
    if digests(&one) != digests(&other) {
        output::line("they were run on different tapes");
    }
    Ok(())
}

/// First differences told; the count is always whole.
const TOLD_MAX: usize = 10;
/// Fields told of one difference.
const FIELDS_MAX: usize = 8;

/// Where the two part, in words.
pub(super) fn print(comparison: &Comparison, words: &Words) {
    if comparison.is_equal() {
        return output::line("\nequal: the same events in the same order per key, the same state");
    }
    print_counts(comparison, words);
    print_partings(&comparison.first, words);
    print_lines(&comparison.lines, words);
}

fn print_counts(comparison: &Comparison, words: &Words) {
    let rows: Vec<[String; 4]> = comparison
        .counts
        .iter()
        .map(|(kind, one, other)| {
            let change = i128::from(*other) - i128::from(*one);
            [kind.as_str().into(), one.to_string(), other.to_string(), format!("{change:+}")]
        })
        .collect();
    if rows.is_empty() {
        return output::line("\nas many events of every kind");
    }
    output::line("");
    output::table(["EVENTS", &words.one, &words.other, "CHANGE"], &rows);
}

fn print_partings(partings: &[Parting], words: &Words) {
    if partings.is_empty() {
        return;
    }
    let width = words.one.chars().count().max(words.other.chars().count());
    let side = |name: &str, indexed: &Option<Indexed>| {
        let said = indexed.as_ref().map_or_else(
            || "nothing".to_owned(),
            |Indexed { index, event }| {
                let time = event.time.to_string();
                let time = time.get(11..26).unwrap_or_default();
                format!("{index:>8}  {time}  {} {}", event.body.kind().as_str(), summary(event))
            },
        );
        output::line(&format!("  {name:<width$}  {said}"));
    };
    output::line("\nWhere each family and key first differs");
    for parting in partings.iter().take(TOLD_MAX) {
        let (family, key) = &parting.chain;
        output::line(&format!("{} {key}, its event {}", family.as_str(), parting.ordinal));
        side(&words.one, &parting.one);
        side(&words.other, &parting.other);
        let fields = fields(parting);
        for FieldDifference { field, one, other } in fields.iter().take(FIELDS_MAX) {
            output::line(&format!("    {field}: {} | {}", value(one), value(other)));
        }
        if fields.len() > FIELDS_MAX {
            output::line(&format!("    and {} more fields", fields.len() - FIELDS_MAX));
        }
    }
    if partings.len() > TOLD_MAX {
        output::line(&format!("and {} more", partings.len() - TOLD_MAX));
    }
}

/// A field's value, as much of it as a line takes.
fn value(side: &Option<String>) -> String {
    let Some(text) = side else { return "nothing".into() };
    match text.char_indices().nth(VALUE_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.clone(),
    }
}

/// Characters told of a value.
const VALUE_MAX: usize = 60;

/// The accounts' lines that differ.
pub(super) fn print_lines(lines: &[LineDifference], words: &Words) {
    output::line("");
    if lines.is_empty() {
        return output::line("positions, cash, orders and profit are the same");
    }
    let rows: Vec<[String; 6]> = lines
        .iter()
        .map(|difference| {
            let said = |side: &Option<_>| {
                side.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
            };
            let change = difference.change().map(|change| change.to_string());
            [
                format!("{} {}", difference.line.section.as_str(), difference.line.account),
                difference.line.subject.clone(),
                difference.line.field.clone(),
                said(&difference.one),
                said(&difference.other),
                change.unwrap_or_default(),
            ]
        })
        .collect();
    output::table(["", "OF", "WHAT", &words.one, &words.other, "CHANGE"], &rows);
}

/// The fields in which both sides of a parting differ, when it is the same kind of event on both.
fn fields(parting: &Parting) -> Vec<FieldDifference> {
    match (&parting.one, &parting.other) {
        (Some(one), Some(other)) if one.event.body.kind() == other.event.body.kind() => {
            field_differences(&one.event, &other.event)
        }
        _ => Vec::new(),
    }
}

/// All of it, for machines.
pub(super) fn to_json(comparison: &Comparison) -> Value {
    let side = |folded: &crate::history::Folded| {
        json!({
            "index": folded.last,
            "events": folded.fold.tally.total(),
            "state_digest": folded.fold.state_digest().to_string(),
            "log_digest": folded.fold.log.digest().to_string(),
        })
    };
    let counts: serde_json::Map<String, Value> = comparison
        .counts
        .iter()
        .map(|(kind, one, other)| (kind.as_str().into(), json!([one, other])))
        .collect();
    json!({
        "equal": comparison.is_equal(),
        "one": side(&comparison.one),
        "other": side(&comparison.other),
        "counts": counts,
        "first_differences": comparison.first.iter().map(parting_json).collect::<Value>(),
        "lines": lines_json(&comparison.lines),
    })
}

fn parting_json(parting: &Parting) -> Value {
    let event = |side: &Option<Indexed>| {
        side.as_ref().map(|Indexed { index, event }| {
            let mut value = event::wire::event_to_json(event);
            value["index"] = json!(index);
            value
        })
    };
    let fields = fields(parting).into_iter().map(|FieldDifference { field, one, other }| {
        json!({ "field": field, "one": one, "other": other })
    });
    let (family, key) = parting.chain;
    json!({
        "family": family.as_str(),
        "key": key.as_str(),
        "ordinal": parting.ordinal,
        "one": event(&parting.one),
        "other": event(&parting.other),
        "fields": fields.collect::<Value>(),
    })
}

/// The accounts' lines that differ, for machines.
pub(super) fn lines_json(lines: &[LineDifference]) -> Value {
    let of = |difference: &LineDifference| {
        json!({
            "section": difference.line.section.as_str(),
            "account": difference.line.account,
            "subject": difference.line.subject,
            "field": difference.line.field,
            "one": difference.one.as_ref().map(ToString::to_string),
            "other": difference.other.as_ref().map(ToString::to_string),
            "change": difference.change().map(|change| change.to_string()),
        })
    };
    lines.iter().map(of).collect()
}

fn short(digest: &event::Digest) -> String {
    let mut text = digest.to_string();
    text.truncate(12);
    text
}
