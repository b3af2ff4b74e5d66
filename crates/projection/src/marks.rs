//! Last prices, beside the books.

use alloc::{collections::BTreeMap, vec::Vec};

use event::{
    AccountId, Amount, Body, Currency, Digest, Event, InstrumentId, Kind, MoneyError, Price,
    Timestamp,
    id::digest_of,
    message, nested,
    wire::{DecodeError, Message},
};

use crate::{Books, Position};

message! {
    /// The last prices of one instrument.
    Mark {
        /// The instrument.
        1 instrument: InstrumentId,
        /// Best bid of the last quote.
        2 bid: Option<Price>,
        /// Best offer of the last quote.
        3 ask: Option<Price>,
        /// The last trade.
        4 last: Option<Price>,
        /// When the last of them came.
        5 at: Timestamp,
    }

    /// All marks.
    MarksState {
        /// In order of instruments.
        1 marks: Vec<Mark>,
    }
}

nested!(Mark);

impl Mark {
    /// What a position is valued at: the middle of the last quote, rounded half to even at 1e-9;
    /// without both its sides the last trade; without one the side there is.
    #[must_use]
    pub fn price(&self) -> Option<Price> {
        if let (Some(bid), Some(ask)) = (self.bid, self.ask) {
            let twice = i128::from(bid.0) + i128::from(ask.0);
            let middle = event::money::div_half_even(twice, 2).ok()?;
            return i64::try_from(middle).ok().map(Price);
        }
        self.last.or(self.bid).or(self.ask)
    }
}

/// What a position is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worth {
    /// What it is valued at.
    pub price: Price,
    /// The currency of what follows.
    pub currency: Currency,
    /// Its worth at that price, signed as the position.
    pub worth: Amount,
    /// What closing it at that price would gain, before fees.
    pub unrealised: Amount,
}

/// Last prices by instrument. The only part of the state a quote changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    marks: BTreeMap<InstrumentId, Mark>,
}

impl Marks {
    /// Marks without anything in them.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether an event of this kind changes a mark.
    #[must_use]
    pub const fn wants(kind: Kind) -> bool {
        matches!(kind, Kind::MarketTrade | Kind::MarketQuote)
    }

    /// Folds an event.
    pub fn apply(&mut self, event: &Event) {
        match &event.body {
            Body::MarketTrade(b) => self.mark(b.instrument, event.time).last = Some(b.price),
            Body::MarketQuote(b) => {
                let mark = self.mark(b.instrument, event.time);
                mark.bid = b.bid_price;
                mark.ask = b.ask_price;
            }
            _ => {}
        }
    }

    fn mark(&mut self, instrument: InstrumentId, now: Timestamp) -> &mut Mark {
        let mark = self.marks.entry(instrument).or_insert(Mark {
            instrument,
            bid: None,
            ask: None,
            last: None,
            at: now,
        });
        mark.at = mark.at.max(now);
        mark
    }

    /// The last prices of an instrument.
    #[must_use]
    pub fn get(&self, instrument: InstrumentId) -> Option<&Mark> {
        self.marks.get(&instrument)
    }

    /// All of them, in order of instruments.
    pub fn iter(&self) -> impl Iterator<Item = &Mark> {
        self.marks.values()
    }

    /// What a position is worth now; `None` without a price or a definition.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn worth(&self, books: &Books, position: &Position) -> Result<Option<Worth>, MoneyError> {
        let Some(mark) = self.marks.get(&position.instrument) else { return Ok(None) };
        let contract = books.contract(position.instrument, mark.at);
        let (Some(price), Some(contract)) = (mark.price(), contract) else { return Ok(None) };
        Ok(Some(Worth {
            price,
            currency: contract.settle,
            worth: contract.value(position.quantity, price)?,
            unrealised: position.unrealised(&contract, price)?,
        }))
    }

    /// Unrealised profit of an account, by currency; positions without a price are left out.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn unrealised(
        &self,
        books: &Books,
        account: AccountId,
    ) -> Result<BTreeMap<Currency, Amount>, MoneyError> {
        let mut totals = BTreeMap::new();
        let Some(account) = books.account(account) else { return Ok(totals) };
        for position in account.positions() {
            if let Some(worth) = self.worth(books, position)? {
                let total = totals.entry(worth.currency).or_insert(Amount::ZERO);
                *total = total.plus(worth.unrealised)?;
            }
        }
        Ok(totals)
    }

    /// Digest of the marks.
    #[must_use]
    pub fn digest(&self) -> Digest {
        digest_of("marks", &[&self.snapshot()])
    }

    /// The marks as bytes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Vec::new();
        MarksState { marks: self.marks.values().cloned().collect() }.encode(&mut out);
        out
    }

    /// Takes back what [`Marks::snapshot`] gave.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are damaged.
    pub fn restore(bytes: &[u8]) -> Result<Self, DecodeError> {
        let marks = MarksState::decode(bytes)?.marks;
        Ok(Self { marks: marks.into_iter().map(|mark| (mark.instrument, mark)).collect() })
    }
}
