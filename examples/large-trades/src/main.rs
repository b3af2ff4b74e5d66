//! An agent of one's own: raises an alert for every trade above a size.
//!
//! Run it as you would run `blotter`: `cargo run -- run --input tape.gz`.

use blotter::{
    Agent, App, Outbox, Scope,
    event::{
        Body, Event, Kind, Label, Quantity, Timestamp, books::AlertRaised, choices::Severity,
    },
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
    let name = Label::new("large-trades")?;
    let alert = Label::new("LargeTrade")?;
    let version = Label::new("1")?;
    let above = Quantity::parse("2")?;
    Ok(App::new().agent(move || LargeTrades { name, alert, version, above }).main())
}
