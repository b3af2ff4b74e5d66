//! From what the broker answers and reports to events.

use broker::{Answer, Broker, Fact, Moment, Report};
use event::{
    Body, Event, EventId, OrderId, TraceId,
    books::{BalancesReported, FeeCharged, FundingPaid, TransferBooked},
    choices::AttemptAction,
    id::{broker_fact_id, external_order_id},
    trading::{
        CancelRejected, ExecutionBusted, ExecutionCorrected, OrderAccepted, OrderCancelled,
        OrderExecuted, OrderExpired, OrderRejected, OrderReplaced, OrderUnknown,
    },
};

use crate::{Call, Facts, Gateway, GatewayError};

/// Reports read in one go.
const REPORTS_MAX: usize = 256;

impl Gateway {
    /// Makes a call whose attempt is durable, and returns what the broker said as events.
    ///
    /// # Errors
    /// [`GatewayError::Broker`] when the broker itself failed; the attempt then stays unanswered.
    pub fn perform(
        &mut self,
        call: &Call,
        broker: &mut dyn Broker,
        now: Moment,
    ) -> Result<Vec<Event>, GatewayError> {
        let fact = match call {
            Call::Submit(request) => {
                let answer = broker.submit(now, request)?;
                self.submit_answered(request, answer, now)
            }
            Call::Cancel(request) => {
                let answer = broker.cancel(now, request)?;
                self.change_answered(
                    request.order,
                    AttemptAction::Cancel,
                    request.attempt,
                    answer,
                    now,
                )
            }
            Call::Replace(request) => {
                let answer = broker.replace(now, request)?;
                self.change_answered(
                    request.order,
                    AttemptAction::Replace,
                    request.attempt,
                    answer,
                    now,
                )
            }
            Call::Snapshot { request, cycle } => self.take_snapshot(request, *cycle, broker, now),
        };
        Ok(fact.into_iter().collect())
    }

    /// Records attempts a crash left unanswered as unknown: what a live venue was asked may have
    /// happened, and is never asked again.
    pub fn give_up_unanswered(&mut self, now: Moment) -> Vec<Event> {
        let mut events = Vec::new();
        for call in self.unanswered() {
            let (order, action, attempt) = match call {
                Call::Submit(request) => (request.order, AttemptAction::Submit, request.attempt),
                Call::Cancel(request) => (request.order, AttemptAction::Cancel, request.attempt),
                Call::Replace(request) => (request.order, AttemptAction::Replace, request.attempt),
                Call::Snapshot { .. } => continue,
            };
            events.extend(self.unknown(
                order,
                action,
                attempt,
                "the process stopped before the answer".into(),
                now,
            ));
        }
        events
    }

    /// Reads reports the broker has for us. The mark belongs into the same unit as the events.
    ///
    /// # Errors
    /// [`GatewayError::Broker`].
    pub fn read_reports(
        &mut self,
        broker: &mut dyn Broker,
        now: Moment,
    ) -> Result<Option<Facts>, GatewayError> {
        let reports = broker.reports(now, self.report_mark, REPORTS_MAX)?;
        let Some(last) = reports.last() else { return Ok(None) };
        self.report_mark = last.number;
        let events = reports.iter().filter_map(|report| self.reported(report, now)).collect();
        Ok(Some(Facts { events, mark: self.report_mark }))
    }

    /// Opens the account's books with what the broker says it holds.
    ///
    /// # Errors
    /// [`GatewayError::Broker`].
    pub fn open_books(
        &mut self,
        broker: &mut dyn Broker,
        reporting_currency: event::Currency,
        now: Moment,
    ) -> Result<Option<Event>, GatewayError> {
        if self.opened {
            return Ok(None);
        }
        let (balances, positions) = broker.opening()?;
        let body = event::books::AccountOpened {
            account: self.account,
            reporting_currency,
            balances,
            positions,
        };
        let id = broker_fact_id(self.account, "opened", b"");
        Ok(self.broker_event(id, None, now.time, None, body))
    }

    fn submit_answered(
        &mut self,
        request: &broker::OrderRequest,
        answer: Answer,
        now: Moment,
    ) -> Option<Event> {
        let (order, account, instrument) = (request.order, self.account, request.instrument);
        let body = match answer {
            Answer::Accepted { venue_order } => Body::from(OrderAccepted {
                order,
                account,
                instrument,
                venue_order,
                side: request.side,
                quantity: request.quantity,
                limit_price: request.limit_price,
                external: false,
            }),
            Answer::Rejected { code, reason } => {
                OrderRejected { order, account, instrument, code, reason }.into()
            }
            Answer::NoAnswer { reason } => {
                return self.unknown(order, AttemptAction::Submit, request.attempt, reason, now);
            }
        };
        let id = self.order_fact(order, body.kind().as_str(), request.attempt);
        self.broker_event(id, self.origin_of(order), now.time, None, body)
    }

    fn change_answered(
        &mut self,
        order: OrderId,
        action: AttemptAction,
        attempt: u32,
        answer: Answer,
        now: Moment,
    ) -> Option<Event> {
        match answer {
            // An accepted cancel or replace is a promise, not a fact: the fact is its report.
            Answer::Accepted { .. } => None,
            Answer::Rejected { reason, .. } => {
                let link = self.links.get(&order)?;
                let proposal = link.new_terms.map(|terms| terms.proposal);
                let body = CancelRejected {
                    order,
                    account: self.account,
                    instrument: link.instrument,
                    action,
                    reason,
                    proposal: proposal.filter(|_| action == AttemptAction::Replace),
                };
                let id = self.order_fact(order, "change-rejected", attempt);
                self.broker_event(id, self.origin_of(order), now.time, None, body)
            }
            Answer::NoAnswer { reason } => self.unknown(order, action, attempt, reason, now),
        }
    }

    fn unknown(
        &mut self,
        order: OrderId,
        action: AttemptAction,
        attempt: u32,
        reason: String,
        now: Moment,
    ) -> Option<Event> {
        let instrument = self.links.get(&order)?.instrument;
        let body =
            OrderUnknown { order, account: self.account, instrument, action, attempt, reason };
        let id = self.order_fact(order, "unknown", attempt);
        self.broker_event(id, self.origin_of(order), now.time, None, body)
    }

    fn order_fact(&self, order: OrderId, fact: &str, number: u32) -> EventId {
        let mut reference = order.0.to_vec();
        reference.extend_from_slice(&number.to_le_bytes());
        broker_fact_id(self.account, fact, &reference)
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
            Fact::CancelRejected { venue_order, .. } => {
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
        let id = broker_fact_id(account, fact, &reference);
        let (origin, body) = self.body_of(&report.fact);
        self.broker_event(id, origin, now.time, Some(report.at), body)
    }

    fn body_of(&self, fact: &Fact) -> (Option<(EventId, TraceId)>, Body) {
        let account = self.account;
        let ours = |order: Option<OrderId>, venue_order| {
            order.unwrap_or_else(|| external_order_id(account, venue_order))
        };
        let (order, body) = match fact.clone() {
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
                let external = order.is_none();
                let order = ours(order, venue_order);
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
                let order = ours(order, venue_order);
                (
                    Some(order),
                    OrderCancelled { order, account, instrument, cumulative, reason }.into(),
                )
            }
            Fact::Expired { order, venue_order, instrument, cumulative, reason } => {
                let order = ours(order, venue_order);
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
                let order = ours(order, venue_order);
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
                let order = ours(order, venue_order);
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
        };
        (order.and_then(|order| self.origin_of(order)), body)
    }
}
