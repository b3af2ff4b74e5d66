//! Events in words, for the timeline.

use event::{Body, Event};

/// An event as a line of the timeline.
pub(crate) fn line(index: u64, event: &Event) -> String {
    let what = match &event.body {
        Body::OrderProposed(b) => {
            format!("{} {} {} {:?}", b.side, b.quantity, b.instrument, b.limit_price)
        }
        Body::OrderApproved(b) => format!("{} {} {}", b.order, b.side, b.reserved_quantity),
        Body::SubmitAttempted(b) => format!("{} {:?} attempt {}", b.order, b.action, b.attempt),
        Body::OrderExecuted(b) => {
            let at = event.event_time;
            format!(
                "{} {} {} {} left {} {at:?}",
                b.order, b.exec_id, b.side, b.last_quantity, b.leaves
            )
        }
        Body::OrderUnknown(b) => {
            format!("{} {:?} attempt {}: {}", b.order, b.action, b.attempt, b.reason)
        }
        Body::TimerFired(b) => format!("{} {} {}", b.task, b.name, b.request),
        Body::AlertRaised(b) => format!("{} {}: {}", b.alert, b.subject, b.detail),
        Body::BreakOpened(b) => {
            format!("{} {}: ours {}, broker {}", b.code, b.subject, b.ours, b.broker)
        }
        Body::BreakResolved(b) => format!("{} {}: {}", b.code, b.subject, b.detail),
        Body::TradingHalted(b) => format!("{}: {}", b.by, b.reason),
        Body::MarketTrade(_) | Body::MarketQuote(_) => String::new(),
        body => body.order().map_or_else(String::new, |order| order.to_string()),
    };
    format!("{index:>6} {:<20} {:<18} {what}", event.source, event.body.kind().as_str())
}
