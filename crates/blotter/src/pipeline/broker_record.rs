//! The paper broker's own record. It is the broker's truth about what is open there: where the log
//! knows of a broker whose record is gone, or of more than the record holds, nothing takes its place.

use std::fs;

use broker::PaperBroker;
use feed::Instruments;

use super::PipelineError;
use crate::{config::Settings, data_dir::DataDir};

/// Bytes of a record that holds nothing.
const EMPTY_BYTES: u64 = 8;

/// Opens the record of the account, or begins it when the log holds none of this broker's `facts`. It is
/// durable before anything of it is told, so it holds the first `read` of its reports at the least.
///
/// # Errors
/// [`PipelineError::BrokerRecordLost`], and those of opening it.
pub(super) fn open(
    dir: &DataDir,
    settings: &Settings,
    instruments: &Instruments,
    facts: u64,
    read: u64,
) -> Result<PaperBroker, PipelineError> {
    let place = dir.broker(settings.account.name.as_str());
    let path = place.join("record");
    if facts > 0 && !fs::metadata(&path).is_ok_and(|found| found.len() > EMPTY_BYTES) {
        return Err(PipelineError::BrokerRecordLost { path, facts });
    }
    let definitions: Vec<_> = instruments.definitions().cloned().collect();
    let broker = PaperBroker::open(&place, settings.paper.clone(), &definitions)?;
    if broker.reports_made() < read {
        return Err(PipelineError::BrokerRecordLost { path, facts });
    }
    Ok(broker)
}
