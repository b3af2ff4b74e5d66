//! An agent of one's own: raises an alert for every trade above a size.
//!
//! Run it as you would run `blotter`: `cargo run -- run --input tape.gz`. Then ask what another size
//! would have changed: `cargo run -- replay --with large-trades=above-10`.

use blotter::{
    Agent, App, Outbox, Scope,
    event::{Body, Event, Kind, Label, Quantity, Timestamp, books::AlertRaised, choices::Severity},
};

struct LargeTrades {
    name: Label,
    alert: Label,
    version: Label,
    above: Quantity,
}

impl Agent for LargeTrades {
    fn name(&self) -> Label {
        self.name
    }

    fn version(&self) -> Label {
        self.version
    }

    fn subscriptions(&self) -> &'static [Kind] {
        &[Kind::MarketTrade]
    }

    fn scope(&self) -> Scope {
        Scope::All
    }

    fn on_event(&mut self, _now: Timestamp, event: &Event, out: &mut Outbox) {
        let Body::MarketTrade(trade) = &event.body else { return };
        if trade.quantity <= self.above {
            return;
        }
        out.emit(AlertRaised {
            alert: self.alert,
            severity: Severity::Info,
            subject: trade.instrument.to_string(),
            detail: format!("{} traded at {}", trade.quantity, trade.price),
            account: None,
        });
    }
}

fn main() -> Result<std::process::ExitCode, Box<dyn std::error::Error>> {
    let (name, alert) = (Label::new("large-trades")?, Label::new("LargeTrade")?);
    let version = Label::new("1")?;
    let above = |size: &str| -> Result<_, Box<dyn std::error::Error>> {
        let above = Quantity::parse(size)?;
        Ok(move || LargeTrades { name, alert, version, above })
    };
    Ok(App::new()
        .agent(above("2")?)
        .variant("above-1", above("1")?)
        .variant("above-10", above("10")?)
        .main())
}
