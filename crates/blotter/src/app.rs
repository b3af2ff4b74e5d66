//! The application: shipped agents, the author's own, and the command line.

use std::{process::ExitCode, sync::Arc};

use agent::Agent;

/// Makes a fresh agent: at the start, and again when a failed task is restarted.
pub(crate) type Factory = Arc<dyn Fn() -> Box<dyn Agent> + Send + Sync>;

/// An agent of the author's, and what else it could have been.
pub(crate) struct Registered {
    pub(crate) make: Factory,
    /// By name, for `replay --with AGENT=NAME`.
    pub(crate) variants: Vec<(String, Factory)>,
}

/// A Blotter process.
///
/// An author adds agents and calls [`App::main`]; everything else (log, journal, gateway,
/// reconciliation, replay, the command line) is what ships.
///
/// ```no_run
/// use blotter::{Agent, App, Outbox, Scope, event::{Event, Kind, Label, Timestamp}};
///
/// struct Counter { name: Label, trades: u64 }
///
/// impl Agent for Counter {
///     fn name(&self) -> Label { self.name }
///     fn version(&self) -> Label { self.name }
///     fn subscriptions(&self) -> &'static [Kind] { &[Kind::MarketTrade] }
///     fn scope(&self) -> Scope { Scope::All }
///     fn on_event(&mut self, _now: Timestamp, _event: &Event, _out: &mut Outbox) {
///         self.trades += 1;
///     }
/// }
///
/// fn main() -> std::process::ExitCode {
///     let name = Label::new("counter").expect("a label");
///     App::new().agent(move || Counter { name, trades: 0 }).main()
/// }
/// ```
#[derive(Default)]
pub struct App {
    pub(crate) agents: Vec<Registered>,
}

impl App {
    /// An application with the shipped agents.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an agent. `make` must give the same agent every time: a restarted task is rebuilt by
    /// running a fresh one over what the task had consumed.
    #[must_use]
    pub fn agent<A: Agent + 'static>(
        mut self,
        make: impl Fn() -> A + Send + Sync + 'static,
    ) -> Self {
        self.agents.push(Registered { make: factory(make), variants: Vec::new() });
        self
    }

    /// Adds a variant of the agent added last: never run, but `replay --with AGENT=NAME` runs it
    /// beside what was recorded and reports what it would have changed. It must call itself by the
    /// agent's own name.
    ///
    /// # Panics
    /// When no agent was added before it: there is nothing it could be a variant of.
    #[must_use]
    pub fn variant<A: Agent + 'static>(
        mut self,
        name: &str,
        make: impl Fn() -> A + Send + Sync + 'static,
    ) -> Self {
        let of = self.agents.last_mut();
        assert!(of.is_some(), "the variant `{name}` comes before any agent");
        if let Some(of) = of {
            of.variants.push((name.into(), factory(make)));
        }
        self
    }

    /// Reads the command line, does what it says, and returns the exit code.
    #[must_use]
    pub fn main(self) -> ExitCode {
        crate::cli::main(&self)
    }
}

fn factory<A: Agent + 'static>(make: impl Fn() -> A + Send + Sync + 'static) -> Factory {
    Arc::new(move || Box::new(make()))
}
