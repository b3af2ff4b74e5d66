//! `blotter streams`: what a bus needs on its servers, compared, made, and said to other tools.

use bus::{Class, Drift};
use serde_json::json;

use super::{
    args::{Common, ExportForm},
    output,
    run::failure,
};
use crate::{
    data_dir::DataDir,
    engine::Engine,
    exit::{Exit, Failure, OrExit as _},
    streams::{self, Contents, Declared, DeclaredStream, Place},
};

/// What differs from what a run needs.
pub(super) fn plan(common: &Common, engine: &Engine) -> Result<Exit, Failure> {
    let drift = engine.plan().map_err(|error| failure(error.into()))?;
    show(common, engine, &drift);
    Ok(if drift.is_empty() { Exit::Ok } else { Exit::CheckFailed })
}

/// Makes what is missing where nothing is there. A part that is missing, or is otherwise, held or would
/// place events: making it anew would hide that they are gone.
pub(super) fn apply(common: &Common, engine: &Engine) -> Result<Exit, Failure> {
    let bus_error = |error: bus::BusError| failure(error.into());
    let drift = engine.plan().map_err(bus_error)?;
    if !drift.iter().all(Drift::is_missing) {
        show(common, engine, &drift);
        return Ok(Exit::Conflict);
    }
    engine.apply().map_err(bus_error)?;
    if common.json {
        output::json(&json!({ "bus": engine.to_string(), "made": drift.len() }));
    } else if drift.is_empty() {
        output::line(&format!("{engine}: everything is there"));
    } else {
        drift.iter().for_each(|made| output::line(&format!("made {}", made.object)));
    }
    Ok(Exit::Ok)
}

fn show(common: &Common, engine: &Engine, drift: &[Drift]) {
    if common.json {
        let of = |drift: &Drift| {
            json!({
                "object": drift.object,
                "setting": drift.setting,
                "found": drift.found,
                "needed": drift.needed,
            })
        };
        let differences: Vec<_> = drift.iter().map(of).collect();
        output::json(&json!({ "bus": engine.to_string(), "differences": differences }));
    } else if drift.is_empty() {
        output::line(&format!("{engine}: everything is as a run needs it"));
    } else {
        for Drift { object, setting, found, needed } in drift {
            output::line(&format!("{object}: {setting} is {found}, needed is {needed}"));
        }
    }
}

/// Whether the bus is as a run needs it, from end to end: what it is made of, what an answer of it is worth,
/// what the user may do, and every entry in it.
pub(super) fn verify(common: &Common, engine: &Engine) -> Result<Exit, Failure> {
    let bus_error = |error: bus::BusError| failure(error.into());
    let declared = Declared::shipped().or_exit(Exit::Usage)?;
    let dir = DataDir::new(&common.data);
    let drift = engine.plan().map_err(bus_error)?;
    if !drift.is_empty() {
        // What is not as it should be is not read as if it were.
        show(common, engine, &drift);
        return Ok(Exit::CheckFailed);
    }
    let class = engine.class().map_err(bus_error)?;
    let rights = engine.rights(&declared).map_err(bus_error)?;
    let mut findings = too_weak(&declared, class, engine);
    findings.extend(rights.findings);
    let contents = match engine.reader_where_begun(&dir).map_err(bus_error)? {
        Some(mut reader) => Contents::read(&mut *reader).map_err(bus_error)?,
        None => Contents::default(),
    };
    let found = findings.len() as u64 + contents.found;
    findings.extend(contents.findings.iter().cloned());
    if common.json {
        output::json(&json!({
            "bus": engine.to_string(),
            "sound": found == 0,
            "class": class_name(class),
            "entries": contents.entries(),
            "events": contents.events,
            "progress": contents.progress,
            "repeats": contents.repeats,
            "unknown_kinds": contents.unknown_kinds,
            "found": found,
            "findings": findings,
            "rights": rights.note,
        }));
    } else {
        findings.iter().for_each(|words| output::line(words));
        if let Some(more) = found.checked_sub(findings.len() as u64).filter(|more| *more > 0) {
            output::line(&format!("… and {more} more"));
        }
        if !rights.note.is_empty() {
            output::line(&rights.note);
        }
        let verdict = if found == 0 { "sound".into() } else { format!("{found} findings") };
        output::line(&format!(
            "{engine}: {verdict}; class {}, {} entries, {} events, {} repeats, {} of kinds not known here",
            class_name(class),
            contents.entries(),
            contents.events,
            contents.repeats,
            contents.unknown_kinds
        ));
    }
    Ok(if found == 0 { Exit::Ok } else { Exit::CheckFailed })
}

/// Streams whose answers should be worth more than this bus's are.
fn too_weak(declared: &Declared, class: Class, engine: &Engine) -> Vec<String> {
    let is_weaker = |needed: Class| match needed {
        Class::Lazy => false,
        // Either outlives a loss of power.
        Class::Fsync => class == Class::Lazy,
        Class::Replicated => class != Class::Replicated,
    };
    if engine.accepts_lazy() {
        return Vec::new();
    }
    let weak = declared.streams.iter().filter(|stream| is_weaker(stream.class));
    let words = |stream: &DeclaredStream| {
        let (name, needed, found) =
            (stream.stream.as_str(), class_name(stream.class), class_name(class));
        format!("{name}: answers should be {needed}, and are {found} as far as can be told")
    };
    weak.map(words).collect()
}

const fn class_name(class: Class) -> &'static str {
    match class {
        Class::Fsync => "fsync",
        Class::Replicated => "replicated",
        Class::Lazy => "lazy",
    }
}

/// What another tool takes.
pub(super) fn export(form: ExportForm, engine: &Engine) -> Result<Exit, Failure> {
    let bus_error = |error: bus::BusError| failure(error.into());
    let declared = Declared::shipped().or_exit(Exit::Usage)?;
    let text = match (form, engine) {
        (ExportForm::Nats, _) => engine.permissions(&declared).map_err(bus_error)?,
        (ExportForm::Nack, _) => {
            engine.wanted_stream().map_err(bus_error)?.map(|stream| streams::nack(&stream))
        }
        (ExportForm::Kafka, Engine::Kafka(remote)) => {
            Some(streams::kafka_acls(&declared, &remote.prefix))
        }
        (ExportForm::Strimzi, Engine::Kafka(remote)) => {
            Some(streams::strimzi(&declared, &remote.prefix))
        }
        (ExportForm::Asyncapi, Engine::Nats(remote)) => {
            let place = Place::Nats { servers: &remote.hosts(), prefix: &remote.prefix };
            Some(pretty(&streams::asyncapi(&declared, place)))
        }
        (ExportForm::Asyncapi, Engine::Kafka(remote)) => {
            let place = Place::Kafka { servers: &remote.hosts(), prefix: &remote.prefix };
            Some(pretty(&streams::asyncapi(&declared, place)))
        }
        _ => None,
    };
    let Some(text) = text else {
        let why = "E7806 nats and nack are exported for --bus nats://HOST:PORT, kafka and strimzi for \
                   --bus kafka://HOST:PORT, asyncapi for either";
        return Err(Failure::new(Exit::Usage, why));
    };
    output::line(text.trim_end());
    Ok(Exit::Ok)
}

fn pretty(document: &serde_json::Value) -> String {
    format!("{document:#}")
}
