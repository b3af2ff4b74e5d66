//! What a fold says of every account, as lines that can be held against another fold's.

use std::collections::BTreeMap;

use event::{Amount, Currency, MoneyError};
use projection::Account;

use crate::pipeline::Fold;

/// What a line is about: the section, the account, the subject and the field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    pub(crate) section: Section,
    pub(crate) account: String,
    pub(crate) subject: String,
    pub(crate) field: String,
}

/// Sections, in the order they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    /// Profit and loss by currency.
    Profit,
    /// Positions.
    Position,
    /// Cash.
    Cash,
    /// Orders that work.
    OpenOrder,
    /// The account itself.
    Account,
}

impl Section {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Profit => "profit",
            Self::Position => "position",
            Self::Cash => "cash",
            Self::OpenOrder => "open order",
            Self::Account => "account",
        }
    }
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Something that can be subtracted.
    Amount(Amount),
    /// Words.
    Words(String),
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Amount(amount) => amount.fmt(f),
            Self::Words(words) => f.write_str(words),
        }
    }
}

/// Every line of a fold.
pub(crate) type Statement = BTreeMap<Line, Said>;

/// A line on which two statements differ. A side that has no such line says `None`; of an amount
/// that is as good as zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LineDifference {
    pub(crate) line: Line,
    pub(crate) one: Option<Said>,
    pub(crate) other: Option<Said>,
}

impl LineDifference {
    /// The other less the first, where both are amounts or absent.
    pub(crate) fn change(&self) -> Option<Amount> {
        let amount = |side: &Option<Said>| match side {
            Some(Said::Amount(amount)) => Some(*amount),
            Some(Said::Words(_)) => None,
            None => Some(Amount::ZERO),
        };
        amount(&self.other)?.minus(amount(&self.one)?).ok()
    }
}

/// The statement of a fold.
#[must_use]
pub(crate) fn statement(fold: &Fold) -> Statement {
    let mut lines = Statement::new();
    for account in fold.books.accounts() {
        let mut put = |section, subject: String, field: &str, said| {
            let account = account.id().to_string();
            let _ = lines.insert(Line { section, account, subject, field: field.into() }, said);
        };
        match profits(fold, account) {
            Ok(profits) => {
                for (currency, profit) in profits {
                    let mut put = |field: &str, amount: Result<Amount, MoneyError>| {
                        let said = amount.map_or_else(|e| Said::Words(e.to_string()), Said::Amount);
                        put(Section::Profit, currency.to_string(), field, said);
                    };
                    put("gross realised", Ok(profit.realised));
                    put("unrealised", Ok(profit.unrealised));
                    put("fees", Ok(profit.fees));
                    put("funding", Ok(profit.funding));
                    put("net", profit.net());
                }
            }
            Err(error) => {
                put(Section::Profit, "-".into(), "net", Said::Words(error.to_string()));
            }
        }
        for position in account.positions() {
            let mut put = |field: &str, amount| {
                let instrument = position.instrument.to_string();
                put(Section::Position, instrument, field, Said::Amount(amount));
            };
            put("quantity", position.quantity);
            put("cost", position.total_cost);
            put("realised", position.realised);
            if let Ok(Some(worth)) = fold.marks.worth(&fold.books, position) {
                put("unrealised", worth.unrealised);
            }
        }
        for cash in account.cash() {
            put(Section::Cash, cash.currency.to_string(), "total", Said::Amount(cash.total()));
        }
        for order in account.open_orders() {
            let words = format!("{} {} {}", order.state.as_str(), order.quantity, order.instrument);
            put(Section::OpenOrder, order.order.to_string(), "state", Said::Words(words));
        }
        let mut count = |field: &str, count: usize| {
            let said = Said::Words(count.to_string());
            put(Section::Account, "-".into(), field, said);
        };
        count("orders proposed", account.orders_len());
        count("executions", account.executions().len());
        count("open breaks", account.breaks().count());
        let halted = if fold.books.is_halted(account.id()) { "yes" } else { "no" };
        put(Section::Account, "-".into(), "halted", Said::Words(halted.into()));
    }
    lines
}

/// Where two statements differ, in order.
#[must_use]
pub(crate) fn line_differences(one: &Statement, other: &Statement) -> Vec<LineDifference> {
    let lines: std::collections::BTreeSet<&Line> = one.keys().chain(other.keys()).collect();
    lines
        .into_iter()
        .map(|line| LineDifference {
            line: line.clone(),
            one: one.get(line).cloned(),
            other: other.get(line).cloned(),
        })
        .filter(|difference| {
            difference.one != difference.other && difference.change() != Some(Amount::ZERO)
        })
        .collect()
}

/// Profit of one currency, in its parts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Profit {
    pub(crate) realised: Amount,
    pub(crate) unrealised: Amount,
    /// Negative when paid.
    pub(crate) fees: Amount,
    /// Negative when paid.
    pub(crate) funding: Amount,
}

impl Profit {
    /// All parts together.
    fn net(&self) -> Result<Amount, MoneyError> {
        self.realised.plus(self.unrealised)?.plus(self.fees)?.plus(self.funding)
    }
}

/// Profit by currency, of every currency the account holds or earns.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub(crate) fn profits(
    fold: &Fold,
    account: &Account,
) -> Result<BTreeMap<Currency, Profit>, MoneyError> {
    let mut profits: BTreeMap<Currency, Profit> = BTreeMap::new();
    for cash in account.cash() {
        let profit = profits.entry(cash.currency).or_default();
        (profit.fees, profit.funding) = (cash.fees, cash.funding);
    }
    for position in account.positions() {
        let contract = fold.books.contract(position.instrument, position.touched);
        let Some(contract) = contract else { continue };
        let profit = profits.entry(contract.settle).or_default();
        profit.realised = profit.realised.plus(position.realised)?;
    }
    for (currency, amount) in fold.marks.unrealised(&fold.books, account.id())? {
        profits.entry(currency).or_default().unrealised = amount;
    }
    Ok(profits)
}
