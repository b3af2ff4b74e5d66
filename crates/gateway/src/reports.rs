//! What the broker reports, as events.

use broker::{Broker, Fact, Moment, Report};
use event::{
    Body, Event, EventId, Label, OrderId,
    books::{BalancesReported, FeeCharged, FundingPaid, TransferBooked},
    id::{broker_fact_id, external_order_id},
    trading::{
        CancelRejected, ExecutionBusted, ExecutionCorrected, OrderAccepted, OrderCancelled,
        OrderExecuted, OrderExpired, OrderReplaced,
    },
};

use crate::{Gateway, GatewayError, answers::CHANGE_REJECTED};

/// Reports read in one go.
const REPORTS_MAX: usize = 256;

/// A batch of broker facts, and how far the broker's reports have been read with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The facts as events of source `broker/<account>`.
    pub events: Vec<Event>,
    /// Number of the last report read.
    pub mark: u64,
}

impl Gateway {
    /// Reads reports the broker has for us. The mark belongs into the same unit as the events.
    ///
    /// # Errors
    /// [`GatewayError::Broker`].
    pub fn read_reports(
        &mut self,
        broker: &mut dyn Broker,
        now: Moment,
    ) -> Result<Option<Facts>, GatewayError> {
        let mut reports = broker.reports(now, self.report_mark, REPORTS_MAX)?;
        reports.retain(|report| report.number > self.report_mark);
        let Some(last) = reports.last() else { return Ok(None) };
        self.report_mark = last.number;
        let events = reports.iter().filter_map(|report| self.reported(report, now)).collect();
        Ok(Some(Facts { events, mark: self.report_mark }))
    }

    fn reported(&mut self, report: &Report, now: Moment) -> Option<Event> {
        let account = self.account;
        let (fact, reference): (&str, Vec<u8>) = match &report.fact {
            Fact::Executed { exec_id, .. } => {
                if self.executions.contains(exec_id) {
                    return None;
                }
                ("execution", exec_id.as_bytes().to_vec())
            }
            Fact::Cancelled { venue_order, .. } => ("cancelled", venue_order.as_bytes().to_vec()),
            Fact::Expired { venue_order, .. } => ("expired", venue_order.as_bytes().to_vec()),
            Fact::Replaced { proposal, .. } => ("replaced", proposal.0.to_vec()),
            Fact::CancelRejected { order, venue_order, action, proposal, .. } => {
                let link = self.links.get(order);
                if let Some(attempt) = link.and_then(|link| link.last_change(*action, *proposal)) {
                    let id = self.order_fact(*order, CHANGE_REJECTED, attempt);
                    return self.fact(id, report, now);
                }
                let mut reference = venue_order.as_bytes().to_vec();
                reference.extend_from_slice(&report.number.to_le_bytes());
                ("cancel-rejected", reference)
            }
            Fact::Busted { bust_id, .. } => ("busted", bust_id.as_bytes().to_vec()),
            Fact::Corrected { correction_id, .. } => {
                ("corrected", correction_id.as_bytes().to_vec())
            }
            Fact::Fee { fee_id, .. } => ("fee", fee_id.as_bytes().to_vec()),
            Fact::Funding { funding_id, .. } => ("funding", funding_id.as_bytes().to_vec()),
            Fact::Transfer { transfer_id, .. } => ("transfer", transfer_id.as_bytes().to_vec()),
            Fact::Balances { .. } => ("balances", report.at.0.to_le_bytes().to_vec()),
            Fact::ExternalAccepted { venue_order, .. } => {
                ("external", venue_order.as_bytes().to_vec())
            }
        };
        self.fact(broker_fact_id(account, fact, &reference), report, now)
    }

    fn fact(&mut self, id: EventId, report: &Report, now: Moment) -> Option<Event> {
        let (order, body) = self.body_of(&report.fact);
        let origin = order.and_then(|order| self.origin_of(order));
        self.broker_event(id, origin, now.time, Some(report.at), body)
    }

    /// Our name for an order that a report names, and whether it began at the broker. A report
    /// without our name is looked up by the broker's.
    fn named(&self, order: Option<OrderId>, venue_order: Label) -> (OrderId, bool) {
        match order.or_else(|| self.venue_orders.get(&venue_order).copied()) {
            Some(order) => (order, false),
            None => (external_order_id(self.account, venue_order), true),
        }
    }

    fn body_of(&self, fact: &Fact) -> (Option<OrderId>, Body) {
        let account = self.account;
        match fact.clone() {
            Fact::Executed {
                order,
                venue_order,
                exec_id,
                instrument,
                side,
                price,
                quantity,
                cumulative,
                leaves,
                fee,
                fee_currency,
                liquidity,
                trade_date,
            } => {
                let (order, external) = self.named(order, venue_order);
                let body = Body::from(OrderExecuted {
                    order,
                    account,
                    instrument,
                    exec_id,
                    side,
                    last_price: price,
                    last_quantity: quantity,
                    cumulative,
                    leaves,
                    fee,
                    fee_currency,
                    liquidity,
                    trade_date,
                    external,
                    recovered: false,
                });
                (Some(order), body)
            }
            Fact::Cancelled { order, venue_order, instrument, cumulative, reason } => {
                let (order, _) = self.named(order, venue_order);
                (
                    Some(order),
                    OrderCancelled { order, account, instrument, cumulative, reason }.into(),
                )
            }
            Fact::Expired { order, venue_order, instrument, cumulative, reason } => {
                let (order, _) = self.named(order, venue_order);
                (
                    Some(order),
                    OrderExpired { order, account, instrument, cumulative, reason }.into(),
                )
            }
            Fact::Replaced { order, venue_order, instrument, quantity, limit_price, proposal } => (
                Some(order),
                OrderReplaced {
                    order,
                    account,
                    instrument,
                    venue_order,
                    quantity,
                    limit_price,
                    proposal,
                }
                .into(),
            ),
            Fact::CancelRejected { order, instrument, action, reason, proposal, .. } => (
                Some(order),
                CancelRejected { order, account, instrument, action, reason, proposal }.into(),
            ),
            Fact::Busted { order, venue_order, instrument, exec_id, bust_id, reason } => {
                let (order, _) = self.named(order, venue_order);
                (
                    Some(order),
                    ExecutionBusted { order, account, instrument, exec_id, bust_id, reason }.into(),
                )
            }
            Fact::Corrected {
                order,
                venue_order,
                instrument,
                exec_id,
                correction_id,
                price,
                quantity,
                fee,
                reason,
            } => {
                let (order, _) = self.named(order, venue_order);
                let body = ExecutionCorrected {
                    order,
                    account,
                    instrument,
                    exec_id,
                    correction_id,
                    price,
                    quantity,
                    fee,
                    reason,
                    evidence: None,
                };
                (Some(order), body.into())
            }
            Fact::Fee { fee_id, currency, amount, reason, exec_id } => {
                (None, FeeCharged { account, fee_id, currency, amount, reason, exec_id }.into())
            }
            Fact::Funding { funding_id, instrument, currency, amount } => {
                (None, FundingPaid { account, funding_id, instrument, currency, amount }.into())
            }
            Fact::Transfer { transfer_id, currency, amount, reason } => {
                (None, TransferBooked { account, transfer_id, currency, amount, reason }.into())
            }
            Fact::Balances { balances } => (None, BalancesReported { account, balances }.into()),
            Fact::ExternalAccepted { venue_order, instrument, side, quantity, limit_price } => {
                let order = external_order_id(account, venue_order);
                let body = OrderAccepted {
                    order,
                    account,
                    instrument,
                    venue_order,
                    side,
                    quantity,
                    limit_price,
                    external: true,
                };
                (Some(order), body.into())
            }
        }
    }
}
