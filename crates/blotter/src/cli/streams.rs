//! `blotter streams`: what a bus needs on its servers, compared, made, and said to other tools.

use bus::{Drift, Topology};
use serde_json::json;

use super::{
    args::{Common, ExportForm},
    output,
    run::failure,
};
use crate::{
    engine::Engine,
    exit::{Exit, Failure},
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

/// What another tool takes.
pub(super) fn export(form: ExportForm, engine: &Engine) -> Result<Exit, Failure> {
    let text = match (form, engine) {
        (ExportForm::Nats, Engine::Nats(_)) => {
            engine.permissions().map_err(|error| failure(error.into()))?
        }
        (ExportForm::Strimzi, Engine::Kafka(remote)) => Some(strimzi(&remote.prefix)),
        _ => None,
    };
    let Some(text) = text else {
        let why = "E7806 nats is exported for --bus nats://HOST:PORT, strimzi for --bus kafka://HOST:PORT";
        return Err(Failure::new(Exit::Usage, why));
    };
    output::line(text.trim_end());
    Ok(Exit::Ok)
}

/// A topic per stream and that of the order, as resources of Strimzi's operator.
fn strimzi(prefix: &str) -> String {
    let topology = Topology::shipped();
    let streams = topology.streams().iter().map(|spec| (spec.stream.as_str(), spec.partitions));
    let topics = std::iter::once(("log", 1)).chain(streams);
    let topic = |(name, partitions): (&str, u16)| {
        format!(
            "---\napiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaTopic\nmetadata:\n  \
             name: {prefix}.{name}\n  labels:\n    strimzi.io/cluster: CLUSTER\nspec:\n  \
             partitions: {partitions}\n  replicas: 3\n  config:\n    cleanup.policy: delete\n    \
             retention.ms: -1\n    retention.bytes: -1\n    min.insync.replicas: 2\n    \
             unclean.leader.election.enable: false\n"
        )
    };
    topics.map(topic).collect()
}
