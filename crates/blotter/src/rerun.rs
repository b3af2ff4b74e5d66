//! Every agent run again over the journal, and compared with what it holds.

use std::collections::BTreeMap;

use event::{Body, Source};
use replay::{Divergence, Rerun, Tally};
use worker::{Fence, Fences, Task};

use crate::{
    app::Factory,
    clock::wall_clock,
    data_dir::DataDir,
    exit::{Exit, Failure, OrExit as _},
    journal::{self, Item, Until},
    setup,
};

/// Runs these agents again over what they had consumed.
pub(crate) fn run_again(
    dir: &DataDir,
    agents: &[Factory],
    until: Until,
) -> Result<Result<Tally, Box<Divergence>>, Failure> {
    let tasks = setup::tasks(agents).or_exit(Exit::Usage)?;
    let fences = fences(dir, &tasks, until)?;
    let mut rerun = Rerun::new(tasks, &fences);
    let mut consumed: BTreeMap<Source, u64> = BTreeMap::new();
    let mut diverged = None;
    let mut reader = journal::open(dir, wall_clock)?;
    journal::walk(&mut reader, 0, until, |item| {
        match item {
            Item::Event { index, event, bytes, .. } if diverged.is_none() => {
                diverged = rerun.event(index, bytes, &event).err();
            }
            Item::Progress { progress, .. } => {
                if let Some(through) = progress.through() {
                    let _ = consumed.insert(progress.source, through);
                }
            }
            Item::Event { .. } | Item::Foreign { .. } => {}
        }
        Ok(())
    })?;
    if let Some(divergence) = diverged {
        return Ok(Err(divergence));
    }
    // A cut may fall between a unit's events and its progress record: what lies beyond the last
    // progress record is not held against the agents.
    Ok(rerun.finish(&consumed))
}

/// Where each task came to be of the version and configuration that decided last.
fn fences(dir: &DataDir, tasks: &[Task], until: Until) -> Result<BTreeMap<Source, Fence>, Failure> {
    let mut found: BTreeMap<_, _> =
        tasks.iter().map(|task| (task.source(), Fences::of(task.source()))).collect();
    let mut reader = journal::open(dir, wall_clock)?;
    journal::walk(&mut reader, 0, until, |item| {
        match item {
            Item::Event { event, .. } => match &event.body {
                Body::AgentStarted(start) => {
                    if let Some(fences) = found.get_mut(&start.task) {
                        fences.started(start);
                    }
                }
                _ => {
                    if let Some(fences) = found.get_mut(&event.source) {
                        fences.emitted(event.source_seq);
                    }
                }
            },
            Item::Progress { progress, .. } => {
                if let Some(fences) = found.get_mut(&progress.source) {
                    progress.timers().for_each(|timer| fences.asked(timer.request));
                }
            }
            Item::Foreign { .. } => {}
        }
        Ok(())
    })?;
    Ok(found.into_iter().filter_map(|(task, fences)| Some((task, fences.fence()?))).collect())
}
