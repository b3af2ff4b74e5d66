//! `replay --with AGENT=NEW`: a changed agent beside the recorded one.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use event::{Body, Digest, EventId, Kind, Timestamp, id::digest_of, market::InstrumentDefined};
use serde_json::{Value, json};

use super::{
    args::Common,
    diff::{Words, lines_json, print_lines},
    output, run,
    setting::{self, Setting},
};
use crate::{
    App,
    clock::wall_clock,
    comparison::{Comparison, Moment},
    config::Settings,
    data_dir::{Binding, DataDir},
    engine::Engine,
    exit::{Exit, Failure, OrExit as _, OrItsExit as _},
    journal::{self, Item, Until},
    pipeline::{Beside, BesideRun},
    query::{Indexed, Side, summary},
    setup::{self, Changed},
};

/// Runs the recorded roots twice more in scratch directories, once with the recorded agents and once
/// with the changed one, and reports what the change would have made of them.
pub(super) fn with(
    app: &App,
    common: &Common,
    until: Until,
    change: &str,
    keep: Option<&Path>,
) -> Result<Exit, Failure> {
    let setting = setting::of_directory(common)?;
    let (agent, changed) = read_change(app, &setting, change)?;
    let definitions = definitions(&setting, until)?;
    let scratch = Scratch::make(&setting.dir)?;
    let as_recorded = Changed { agents: setup::agents(app, &setting.settings), limits: None };
    let same = scratch.dir("recorded");
    let other = match keep {
        Some(path) => new_directory(path, &setting)?,
        None => scratch.dir("changed"),
    };
    let simulate =
        |dir: &DataDir, changed: Changed| simulate(&setting, dir, changed, &definitions, until);
    // Two cores do it in the time of one.
    std::thread::scope(|scope| {
        let control = scope.spawn(|| simulate(&same, as_recorded));
        simulate(&other, changed)?;
        control.join().unwrap_or_else(|_| {
            Err(Failure::new(Exit::Environment, "E7506 a simulation ended without saying why"))
        })
    })?;
    let recorded = Moment { dir: setting.dir.clone(), until };
    let simulated = |dir: &DataDir| Moment { dir: dir.clone(), until: Until::End };
    let control = Comparison::of(&recorded, &simulated(&same))?;
    let is_faithful = control.is_equal();
    let base = if is_faithful { recorded } else { simulated(&same) };
    let comparison = Comparison::of(&base, &simulated(&other))?;
    let signals = Decisions::of(&base, &simulated(&other), Kind::SignalEmitted)?;
    let orders = Decisions::of(&base, &simulated(&other), Kind::OrderProposed)?;
    let report = Report { agent: &agent, change, control: &control, comparison: &comparison };
    if common.json {
        output::json(&report.to_json(&signals, &orders));
    } else {
        report.print(&setting, &signals, &orders);
        if let Some(path) = keep {
            let path = path.display();
            output::line(&format!(
                "\nthe simulated run is kept in {path}; try `blotter diff {} {path}`, \
                 `blotter why ORDER --data {path}`",
                common.data.display()
            ));
        }
    }
    Ok(Exit::Ok)
}

/// Reads `AGENT=FILE.toml` or `AGENT=VARIANT`. Returns the agent's name on the bus.
fn read_change(app: &App, setting: &Setting, text: &str) -> Result<(String, Changed), Failure> {
    let usage = |words: String| Failure::new(Exit::Usage, words);
    let (agent, new) = text.split_once('=').ok_or_else(|| {
        usage(format!(
            "E7507 `{text}` is no change: `AGENT=FILE.toml` gives a shipped agent other settings, \
             `AGENT=VARIANT` runs a variant of an agent of one's own"
        ))
    })?;
    match setup::with_variant(app, &setting.settings, agent, new) {
        Some(Ok(changed)) => return Ok((agent.into(), must_keep_its_name(agent, changed)?)),
        Some(Err(known)) => {
            let known = if known.is_empty() { "none".into() } else { known.join(", ") };
            return Err(usage(format!(
                "E7508 agent `{agent}` has no variant `{new}`; it has {known}, registered with \
                 App::variant"
            )));
        }
        None => {}
    }
    let (agent, section) = setup::section(agent).ok_or_else(|| {
        usage(format!(
            "E7509 no agent `{agent}` can be changed; quality, imbalance (or strategy), trader, risk \
             (or limits), recon and monitor have settings, an agent of one's own has variants"
        ))
    })?;
    let mut layers = setting.layers.clone();
    let set = layers.overlay(new.as_ref()).or_exit(Exit::Usage)?;
    let inside = |name: &&String| !name.starts_with(&format!("{section}."));
    if let Some(outside) = set.iter().find(inside) {
        return Err(usage(format!(
            "E7510 {new} sets `{outside}`, which is no setting of `{agent}`; only those of \
             [{section}] can differ"
        )));
    }
    let changed = Settings::in_range(&layers).or_exit(Exit::Usage)?;
    Ok((agent.into(), setup::with_settings(app, &setting.settings, agent, &changed)))
}

/// A variant under another name would be another task, and nothing could be compared.
fn must_keep_its_name(agent: &str, changed: Changed) -> Result<Changed, Failure> {
    if changed.agents.iter().any(|make| make().name().as_str() == agent) {
        return Ok(changed);
    }
    Err(Failure::new(
        Exit::Usage,
        format!("E7511 the variant of `{agent}` calls itself otherwise; it must keep the name"),
    ))
}

/// The instruments the recorded run knew.
fn definitions(setting: &Setting, until: Until) -> Result<Vec<InstrumentDefined>, Failure> {
    let mut found = Vec::new();
    let mut reader = journal::open(&setting.dir, wall_clock)?;
    let until = until.as_index(&mut reader)?;
    // They come before the first record of the tape, and nothing before them.
    let last = match until {
        Until::Index(index) => index.min(DEFINITIONS_WITHIN),
        Until::End | Until::Time(_) => DEFINITIONS_WITHIN,
    };
    journal::walk(&mut reader, 0, Until::Index(last), |item| {
        if let Item::Event { event, .. } = item
            && let Body::InstrumentDefined(defined) = event.body
            && event.source.as_str().starts_with("config/")
        {
            found.push(*defined);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Entries among which a run's own definitions stand.
const DEFINITIONS_WITHIN: u64 = 65_536;

/// Runs the recorded roots through the pipeline in `dir`.
fn simulate(
    setting: &Setting,
    dir: &DataDir,
    changed: Changed,
    definitions: &[InstrumentDefined],
    until: Until,
) -> Result<(), Failure> {
    dir.make().or_exit(Exit::Environment)?;
    let run = BesideRun {
        dir,
        settings: &setting.settings,
        definitions,
        tasks: setup::tasks(&changed.agents).or_exit(Exit::Usage)?,
        limits: changed.limits,
        wall_clock,
    };
    let mut beside = Beside::start(run).map_err(run::failure)?;
    let mut reader = journal::open(&setting.dir, wall_clock)?;
    let until = until.as_index(&mut reader)?;
    journal::walk(&mut reader, 0, until, |item| match item {
        Item::Event { event, .. } => beside.take(event).map_err(run::failure),
        Item::Progress { .. } | Item::Foreign { .. } => Ok(()),
    })?;
    beside.finish().map_err(run::failure)
}

/// Directories that are gone when this is.
struct Scratch {
    root: PathBuf,
}

/// What scratch directories begin with.
const SCRATCH: &str = "beside-";

impl Scratch {
    fn make(dir: &DataDir) -> Result<Self, Failure> {
        clear_left_over(&dir.cache());
        let name = format!("{SCRATCH}{}", std::process::id());
        // Evidence may lie where nothing can be written.
        let places = [dir.cache(), std::env::temp_dir()];
        let mut refused = None;
        for place in places {
            let root = place.join(&name);
            match fs::create_dir_all(&root) {
                Ok(()) => return Ok(Self { root }),
                Err(error) => refused = Some((root, error)),
            }
        }
        let words = refused.map_or_else(String::new, |(root, error)| {
            format!("E7512 {} cannot be made for the simulation: {error}", root.display())
        });
        Err(Failure::new(Exit::Environment, words))
    }

    fn dir(&self, name: &str) -> DataDir {
        DataDir::new(&self.root.join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Removes scratch directories of processes that are gone.
fn clear_left_over(cache: &Path) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(process) = name.strip_prefix(SCRATCH) else { continue };
        if Path::new("/proc/self").exists() && !Path::new("/proc").join(process).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A new directory for a simulated run that is kept. Its mode keeps `run` from going on with it.
fn new_directory(path: &Path, setting: &Setting) -> Result<DataDir, Failure> {
    if path.exists() {
        return Err(Failure::new(
            Exit::Conflict,
            format!("E7513 {} is there already; a simulated run needs a new one", path.display()),
        ));
    }
    let dir = DataDir::new(path);
    dir.make().or_exit(Exit::Environment)?;
    let recorded = setting.dir.binding().or_its_exit()?;
    let inputs = recorded.map(|recorded| recorded.inputs).unwrap_or_default();
    let binding = Binding {
        config: setting.digest(),
        mode: "simulated".into(),
        inputs,
        bus: Engine::Embedded,
    };
    dir.bind(&binding).or_its_exit()?;
    Ok(dir)
}

/// Decisions of one kind on both sides, matched by id: what made a decision gives it its id, so the
/// same input decided upon in the same place has the same one.
struct Decisions {
    one: u64,
    other: u64,
    same: u64,
    /// On both sides, and not the same.
    altered: u64,
    gone: u64,
    new: u64,
    /// The first that are not the same, in order of time.
    told: Vec<(char, Indexed)>,
}

/// Decisions told one by one; the counts are always whole.
const TOLD_MAX: usize = 12;

/// A decision in one of the logs.
struct Found {
    index: u64,
    time: Timestamp,
    /// Of what it says.
    digest: Digest,
}

/// A decision to be told, in order of time; both sides of one stand together.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    time: Timestamp,
    id: EventId,
    mark: char,
    side: Side,
    index: u64,
}

impl Decisions {
    fn of(base: &Moment, changed: &Moment, kind: Kind) -> Result<Self, Failure> {
        let one = collect(base, kind)?;
        let other = collect(changed, kind)?;
        let mut decisions = Self {
            one: one.len() as u64,
            other: other.len() as u64,
            same: 0,
            altered: 0,
            gone: 0,
            new: 0,
            told: vec![],
        };
        let mut told: Vec<Told> = Vec::new();
        for (id, here) in &one {
            let tell = |mark, side, found: &Found| Told {
                time: found.time,
                id: *id,
                mark,
                side,
                index: found.index,
            };
            match other.get(id) {
                Some(there) if there.digest == here.digest => decisions.same += 1,
                Some(there) => {
                    decisions.altered += 1;
                    told.extend([tell('<', Side::One, here), tell('>', Side::Other, there)]);
                }
                None => {
                    decisions.gone += 1;
                    told.push(tell('-', Side::One, here));
                }
            }
        }
        for (id, there) in other.iter().filter(|(id, _)| !one.contains_key(id)) {
            decisions.new += 1;
            let Found { index, time, .. } = *there;
            told.push(Told { time, id: *id, mark: '+', side: Side::Other, index });
        }
        told.sort_unstable();
        for Told { mark, side, index, .. } in told.into_iter().take(TOLD_MAX) {
            let moment = if side == Side::One { base } else { changed };
            decisions.told.extend(event_at(moment, index)?.map(|indexed| (mark, indexed)));
        }
        Ok(decisions)
    }

    fn to_json(&self) -> Value {
        json!({
            "recorded": self.one,
            "changed": self.other,
            "same": self.same,
            "altered": self.altered,
            "gone": self.gone,
            "new": self.new,
        })
    }

    fn print(&self, heading: &str) {
        output::line(&format!(
            "\n{heading}: {} recorded, {} with the change; {} the same, {} altered, {} gone, {} new",
            self.one, self.other, self.same, self.altered, self.gone, self.new
        ));
        if !self.told.is_empty() {
            output::line("  - gone, + new, < as recorded, > with the change");
        }
        for (mark, Indexed { event, .. }) in &self.told {
            let time = event.time.to_string();
            let time = time.get(11..26).unwrap_or_default();
            output::line(&format!("  {mark} {time}  {}", summary(event)));
        }
        let rest = self.altered * 2 + self.gone + self.new - self.told.len() as u64;
        if rest > 0 {
            output::line(&format!("  and {rest} more lines"));
        }
    }
}

/// Decisions of a kind, by id.
fn collect(moment: &Moment, kind: Kind) -> Result<BTreeMap<EventId, Found>, Failure> {
    let mut found = BTreeMap::new();
    let mut reader = journal::open(&moment.dir, wall_clock)?;
    let until = moment.until.as_index(&mut reader)?;
    journal::walk(&mut reader, 0, until, |item| {
        if let Item::Event { index, event, .. } = item
            && event.body.kind() == kind
        {
            let body = event.body.to_object().to_string();
            let digest = digest_of("decision", &[body.as_bytes()]);
            let _ = found.insert(event.event_id, Found { index, time: event.time, digest });
        }
        Ok(())
    })?;
    Ok(found)
}

fn event_at(moment: &Moment, wanted: u64) -> Result<Option<Indexed>, Failure> {
    let mut found = None;
    let mut reader = journal::open(&moment.dir, wall_clock)?;
    journal::walk(&mut reader, wanted, Until::Index(wanted), |item| {
        if let Item::Event { index, event, .. } = item {
            found = Some(Indexed { index, event });
        }
        Ok(())
    })?;
    Ok(found)
}

/// What is told.
struct Report<'a> {
    agent: &'a str,
    change: &'a str,
    /// The recorded run against the same agents simulated.
    control: &'a Comparison,
    /// What the change is held against, and the change.
    comparison: &'a Comparison,
}

impl Report<'_> {
    fn print(&self, setting: &Setting, signals: &Decisions, orders: &Decisions) {
        output::line(&format!(
            "SIMULATED: {} with {}, over the recorded market; orders filled by a paper broker, seed {}. \
             The log is as it was.",
            self.agent, self.change, setting.settings.paper.seed
        ));
        if self.control.is_equal() {
            output::line(&format!(
                "Without the change the simulation gives the record again, all {} events of it.",
                self.control.one.fold.log.events()
            ));
        } else {
            output::line(
                "Without the change the simulation differs from the record, as for a run whose agents \
                 ran free; what follows is held against the simulation without the change.",
            );
        }
        signals.print("Signals");
        orders.print("Orders proposed");
        let rows: Vec<[String; 4]> = [Kind::OrderDenied, Kind::SubmitOrder, Kind::OrderExecuted]
            .into_iter()
            .map(|kind| {
                let of = |folded: &crate::history::Folded| folded.fold.tally.kind(kind);
                let (one, other) = (of(&self.comparison.one), of(&self.comparison.other));
                let change = i128::from(other) - i128::from(one);
                let name = kind.as_str().to_owned();
                [name, one.to_string(), other.to_string(), format!("{change:+}")]
            })
            .collect();
        output::line("");
        output::table(["EVENTS", "RECORDED", "CHANGED", "CHANGE"], &rows);
        let words = Words { one: "RECORDED".into(), other: "CHANGED".into() };
        print_lines(&self.comparison.lines, &words);
    }

    fn to_json(&self, signals: &Decisions, orders: &Decisions) -> Value {
        let executions =
            |folded: &crate::history::Folded| folded.fold.tally.kind(Kind::OrderExecuted);
        json!({
            "simulated": true,
            "agent": self.agent,
            "change": self.change,
            "control_equal": self.control.is_equal(),
            "equal": self.comparison.is_equal(),
            "signals": signals.to_json(),
            "orders": orders.to_json(),
            "executions": {
                "recorded": executions(&self.comparison.one),
                "changed": executions(&self.comparison.other),
            },
            "lines": lines_json(&self.comparison.lines),
        })
    }
}
