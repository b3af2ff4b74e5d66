//! A small world explored to its end: an ingress, three messages, two instances of one task that
//! read, decide, commit, lose answers, die and come back in every order there is.
//!
//! What is accepted is decided by the shipped engine and its ledger; the world around it is a few
//! numbers, so that its states can be told apart. A breadth-first search visits each once, checks
//! what must hold in it, and then lets the world come to rest from there to see that nothing was
//! lost. The same search finds what goes wrong once a defence is taken away.

use std::collections::{BTreeSet, VecDeque};

use event::{EventId, id::derived_id};

use crate::{
    Bus, Cut, MemoryBus, Record, Run, Topology, Unit,
    conformance::{decision, record, source, tick},
};

const MESSAGES: u64 = 3;
const TASK: &str = "risk/A";

/// A defence that is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
    None,
    /// The log stores whatever it is given.
    NoDedupe,
    /// Outputs become durable before what they consumed.
    SplitUnits,
    /// Ids name the instance that decided.
    IdsByInstance,
    /// An instance that comes back counts its outputs from the beginning.
    ForgetsSequence,
    /// An instance that comes back begins behind what it had only read.
    SkipsUncommitted,
}

/// An output: the message that caused it, its number among that message's, and in the task's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Output {
    cause: u64,
    slot: u32,
    seq: u64,
    /// Zero but for the defect that lets ids differ.
    by: u8,
}

/// What was committed in one go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Committed {
    Message(u64),
    Step { outputs: Vec<Output>, through: Option<u64> },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Instance {
    up: bool,
    /// Messages it has decided on.
    read: u64,
    last_seq: u64,
    /// Decided and not yet answered.
    pending: Option<Committed>,
}

/// The world.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct World {
    log: Vec<Committed>,
    instances: [Instance; 2],
    /// A refusal that stops the system: two histories claim one place.
    conflict: bool,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The ingress publishes the next message.
    Publish,
    /// The ingress did not hear the answer and publishes its last message again.
    PublishAgain,
    Decide(usize),
    Commit(usize),
    /// The commit is accepted and its answer lost.
    CommitUnheard(usize),
    Die(usize),
    ComeBack(usize),
}

/// How many outputs a message has: the second has two, so that a unit can come apart.
const fn outputs_of(message: u64) -> u32 {
    if message == 2 { 2 } else { 1 }
}

fn event_of(output: &Output) -> Record {
    let cause = tick(output.cause);
    let mut event = decision(TASK, output.seq, &cause);
    event.event_id =
        derived_id(cause.event_id, source(TASK), output.slot + 10 * u32::from(output.by));
    record(event)
}

fn unit_of(committed: &Committed) -> Unit {
    match committed {
        Committed::Message(number) => {
            Unit::of_roots(source("file/090909090909"), vec![record(tick(*number))])
        }
        Committed::Step { outputs, through } => Unit {
            source: source(TASK),
            outputs: outputs.iter().map(event_of).collect(),
            consumed: through.map(Run::through).into_iter().collect(),
            timers: Vec::new(),
            mark: None,
            epoch: 0,
            claim: 0,
        },
    }
}

impl World {
    /// The shipped engine with everything that was accepted.
    fn bus(&self) -> MemoryBus {
        let mut bus = MemoryBus::new(Topology::shipped());
        let units: Vec<Unit> = self.log.iter().map(unit_of).collect();
        for unit in units {
            let _ = bus.commit(&[unit]).unwrap();
        }
        bus
    }

    fn published(&self) -> u64 {
        self.log.iter().filter(|entry| matches!(entry, Committed::Message(_))).count() as u64
    }

    fn outputs(&self) -> impl Iterator<Item = &Output> {
        self.log.iter().flat_map(|entry| match entry {
            Committed::Step { outputs, .. } => outputs.as_slice(),
            Committed::Message(_) => &[],
        })
    }

    /// Offers something to the log; false when it was refused.
    fn offer(&mut self, offered: &Committed, defect: Defect) -> bool {
        if defect == Defect::NoDedupe {
            self.log.push(offered.clone());
            return true;
        }
        let mut bus = self.bus();
        let before = bus.next_index();
        match bus.commit(&[unit_of(offered)]) {
            Ok(_) if bus.next_index() == before => true,
            Ok(_) => {
                self.log.push(offered.clone());
                true
            }
            Err(_) => {
                self.conflict = true;
                false
            }
        }
    }

    fn decide(&mut self, who: usize, defect: Defect) {
        let instance = &mut self.instances[who];
        let message = instance.read + 1;
        let by = if defect == Defect::IdsByInstance { who as u8 } else { 0 };
        let outputs: Vec<Output> = (0..outputs_of(message))
            .map(|slot| Output {
                cause: message,
                slot,
                seq: instance.last_seq + u64::from(slot) + 1,
                by,
            })
            .collect();
        instance.read = message;
        instance.last_seq += outputs.len() as u64;
        instance.pending = Some(Committed::Step { outputs, through: Some(message) });
    }

    /// Commits what is pending; `heard` says whether the answer arrives.
    fn commit(&mut self, who: usize, heard: bool, defect: Defect) {
        let Some(pending) = self.instances[who].pending.clone() else { return };
        let (first, rest) = match (&pending, defect) {
            (Committed::Step { outputs, through: Some(through) }, Defect::SplitUnits)
                if !outputs.is_empty() =>
            {
                let outputs = Committed::Step { outputs: outputs.clone(), through: None };
                let consumed = Committed::Step { outputs: Vec::new(), through: Some(*through) };
                (outputs, Some(consumed))
            }
            _ => (pending, None),
        };
        if !self.offer(&first, defect) {
            self.instances[who] = Instance::default();
        } else if heard {
            self.instances[who].pending = rest;
        }
    }

    /// An instance comes back with what the log says of its task.
    fn come_back(&mut self, who: usize, defect: Defect) {
        let (mut read, mut last_seq) = (0, 0);
        for entry in &self.log {
            if let Committed::Step { outputs, through } = entry {
                last_seq = outputs.iter().map(|output| output.seq).fold(last_seq, u64::max);
                read = through.unwrap_or(0).max(read);
            }
        }
        match defect {
            Defect::ForgetsSequence => last_seq = 0,
            Defect::SkipsUncommitted => read = self.published(),
            _ => {}
        }
        self.instances[who] = Instance { up: true, read, last_seq, pending: None };
    }

    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.conflict {
            return steps;
        }
        if self.published() < MESSAGES {
            steps.push(Step::Publish);
        }
        if self.published() > 0 {
            steps.push(Step::PublishAgain);
        }
        for (who, instance) in self.instances.iter().enumerate() {
            match (instance.up, &instance.pending) {
                (false, _) => steps.push(Step::ComeBack(who)),
                (true, Some(_)) => {
                    steps.extend([Step::Commit(who), Step::CommitUnheard(who), Step::Die(who)]);
                }
                (true, None) => {
                    steps.push(Step::Die(who));
                    if instance.read < self.published() {
                        steps.push(Step::Decide(who));
                    }
                }
            }
        }
        steps
    }

    fn after(&self, step: Step, defect: Defect) -> Self {
        let mut world = self.clone();
        match step {
            Step::Publish => {
                let _ = world.offer(&Committed::Message(self.published() + 1), Defect::None);
            }
            Step::PublishAgain => {
                let _ = world.offer(&Committed::Message(self.published()), Defect::None);
            }
            Step::Decide(who) => world.decide(who, defect),
            Step::Commit(who) => world.commit(who, true, defect),
            Step::CommitUnheard(who) => world.commit(who, false, defect),
            Step::Die(who) => world.instances[who] = Instance::default(),
            Step::ComeBack(who) => world.come_back(who, defect),
        }
        world
    }

    /// What must hold in every state.
    fn check(&self, defect: Defect) -> Result<(), String> {
        if self.conflict {
            return Err("two histories claim one place".into());
        }
        let mut made = BTreeSet::new();
        let (mut last, mut seq) = ((0, 0), 0);
        for output in self.outputs() {
            if !made.insert((output.cause, output.slot)) {
                return Err(format!(
                    "message {} has its output {} twice",
                    output.cause, output.slot
                ));
            }
            if (output.cause, output.slot) < last {
                return Err(format!("an output of message {} comes late", output.cause));
            }
            if output.seq != seq + 1 {
                return Err(format!("the task's sequence goes from {seq} to {}", output.seq));
            }
            (last, seq) = ((output.cause, output.slot), output.seq);
        }
        if defect == Defect::None {
            // What the engine delivers is what was accepted, in that order.
            let delivered = self.bus().next(&mut Cut::default(), 100).unwrap();
            let expected: Vec<EventId> = (self.log.iter().map(unit_of))
                .flat_map(|unit| unit.outputs)
                .map(|record| record.header().event_id)
                .collect();
            let found: Vec<EventId> =
                delivered.iter().map(|event| event.position.event_id).collect();
            assert_eq!(found, expected);
        }
        Ok(())
    }

    /// Nobody dies any more and every answer is heard: every message ends with its outputs.
    fn comes_to_rest(mut self, defect: Defect) -> Result<(), String> {
        for _ in 0..40 {
            let step = self.steps().into_iter().find(|step| {
                !matches!(step, Step::Die(_) | Step::CommitUnheard(_) | Step::PublishAgain)
            });
            let Some(step) = step else { break };
            self = self.after(step, defect);
        }
        self.check(defect)?;
        let made = self.outputs().count() as u64;
        let due: u32 = (1..=MESSAGES).map(outputs_of).sum();
        if made == u64::from(due) { Ok(()) } else { Err(format!("{made} outputs of {due}")) }
    }
}

/// Visits every state; returns how many there are and how many steps lead between them.
fn explore(defect: Defect) -> Result<(usize, usize), String> {
    let mut seen = BTreeSet::from([World::default()]);
    let mut queue = VecDeque::from([World::default()]);
    let mut steps = 0;
    while let Some(world) = queue.pop_front() {
        world.check(defect)?;
        world.clone().comes_to_rest(defect)?;
        for step in world.steps() {
            steps += 1;
            let next = world.after(step, defect);
            if seen.insert(next.clone()) {
                queue.push_back(next);
            }
        }
    }
    Ok((seen.len(), steps))
}

#[test]
fn every_order_of_reading_committing_and_dying_gives_each_message_its_outputs_once() {
    let (states, steps) = explore(Defect::None).unwrap();
    assert!(states > 500, "only {states} states: the world is smaller than it was");
    println!("{{\"proof\":\"model states\",\"of\":\"deliver, commit, crash\",\"count\":{states}}}");
    println!("{{\"proof\":\"model steps\",\"of\":\"deliver, commit, crash\",\"count\":{steps}}}");
}

#[test]
fn every_defence_that_is_taken_away_is_missed() {
    let cases = [
        (Defect::NoDedupe, "twice"),
        (Defect::SplitUnits, "two histories claim one place"),
        (Defect::IdsByInstance, "two histories claim one place"),
        (Defect::ForgetsSequence, "two histories claim one place"),
        (Defect::SkipsUncommitted, "outputs of"),
    ];
    for (defect, words) in cases {
        let found = explore(defect).expect_err(&format!("{defect:?} went unseen"));
        assert!(found.contains(words), "{defect:?}: {found}");
    }
}
