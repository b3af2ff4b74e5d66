//! Tapes as a recorder would have written them: `<receive ns> <frame>`, one per line. The prices are made
//! up; no recorded data lies in the repository.

use std::{fmt::Write as _, io::Write as _};

use flate2::{Compression, write::GzEncoder};

/// A tape of one instrument under construction.
#[derive(Clone, Debug)]
pub struct Tape {
    symbol: &'static str,
    at_ns: u64,
    sequence: u64,
    lines: String,
}

impl Tape {
    /// An empty tape of a spot symbol, as `BTCUSDT`, that begins at `at_ns`.
    #[must_use]
    pub const fn spot(symbol: &'static str, at_ns: u64) -> Self {
        Self { symbol, at_ns, sequence: 1, lines: String::new() }
    }

    /// Lets time pass.
    #[must_use]
    pub const fn after_ms(mut self, ms: u64) -> Self {
        self.at_ns += ms * 1_000_000;
        self
    }

    /// Best bid and offer with their sizes.
    #[must_use]
    pub fn quote(mut self, bid: (&str, &str), ask: (&str, &str)) -> Self {
        let Self { symbol, sequence, .. } = self;
        let ((bid, bid_size), (ask, ask_size)) = (bid, ask);
        self.frame(
            "bookTicker",
            &format!(
                r#"{{"u":{sequence},"s":"{symbol}","b":"{bid}","B":"{bid_size}","a":"{ask}","A":"{ask_size}"}}"#
            ),
        );
        self
    }

    /// A trade; `buyer_is_maker` means that the seller took liquidity.
    #[must_use]
    pub fn trade(mut self, price: &str, quantity: &str, seller_took: SellerTook) -> Self {
        let Self { symbol, sequence, at_ns, .. } = self;
        let (ms, maker) = (at_ns / 1_000_000, seller_took == SellerTook::Yes);
        self.frame(
            "trade",
            &format!(
                r#"{{"e":"trade","E":{ms},"s":"{symbol}","t":{sequence},"p":"{price}","q":"{quantity}","T":{ms},"m":{maker},"M":true}}"#
            ),
        );
        self
    }

    /// A market whose book leans one way for fifteen seconds and then the other, four quotes a second
    /// and a trade a second, around a price that wanders up and down: the shipped strategy signals at
    /// every turn, and the paper broker fills what it sends. `quotes` quotes, a quarter as many trades.
    #[must_use]
    pub fn leaning(self, quotes: u64) -> Self {
        self.turning(quotes, 60)
    }

    /// The same, leaning the other way after so many quotes.
    #[must_use]
    pub fn turning(mut self, quotes: u64, every: u64) -> Self {
        for quote in 0..quotes {
            let wander = (quote % 400).abs_diff(200) * 5;
            let bid = 6_177_350 + wander;
            let (bid, ask) = (cents(bid), cents(bid + 1));
            let up = (quote / every).is_multiple_of(2);
            let (bid_size, ask_size) = if up { ("3.0", "0.2") } else { ("0.2", "3.0") };
            self = self.quote((&bid, bid_size), (&ask, ask_size)).after_ms(249);
            if quote % 8 == 3 {
                self = self.trade(&ask, "0.5", SellerTook::No);
            } else if quote % 8 == 7 {
                self = self.trade(&bid, "0.5", SellerTook::Yes);
            }
        }
        self
    }

    /// A line as it is, for what should not parse.
    #[must_use]
    pub fn raw(mut self, line: &str) -> Self {
        let _ = writeln!(self.lines, "{} {line}", self.at_ns);
        self
    }

    /// The tape's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.lines.as_bytes()
    }

    /// The tape's bytes as one gzip member.
    #[must_use]
    pub fn gzip(&self) -> Vec<u8> {
        gzip(self.bytes())
    }

    /// Lines so far.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines.lines().count() as u64
    }

    fn frame(&mut self, stream: &str, data: &str) {
        let name = self.symbol.to_lowercase();
        let _ =
            writeln!(self.lines, r#"{} {{"stream":"{name}@{stream}","data":{data}}}"#, self.at_ns);
        self.sequence += 1;
        self.at_ns += 1_000_000;
    }
}

/// Bytes as one gzip member.
#[must_use]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).expect("memory takes bytes");
    packer.finish().expect("memory takes bytes")
}

fn cents(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Which side of a trade took liquidity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SellerTook {
    /// The seller.
    Yes,
    /// The buyer.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaning_market_has_five_lines_for_four_quotes_and_both_leans() {
        let tape = Tape::spot("BTCUSDT", 1_723_161_904_000_000_000).leaning(80);
        let text = std::str::from_utf8(tape.bytes()).unwrap();
        assert_eq!(tape.lines(), 100);
        assert!(text.contains(r#""B":"3.0""#) && text.contains(r#""A":"3.0""#));
        assert_eq!(tape.gzip()[..2], [0x1f, 0x8b]);
    }

    #[test]
    fn tape_is_lines_of_a_time_and_a_frame() {
        let tape = Tape::spot("BTCUSDT", 1_723_161_904_000_000_000)
            .quote(("61773.50", "0.75"), ("61773.60", "2.1"))
            .after_ms(5)
            .trade("61773.60", "0.004", SellerTook::No)
            .raw("{broken");
        let text = std::str::from_utf8(tape.bytes()).unwrap();
        let lines: Vec<_> = text.lines().map(|line| line.split_once(' ').unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.is_sorted_by_key(|(at, _)| at.parse::<u64>().unwrap()));
        for (_, frame) in &lines[..2] {
            let frame: serde_json::Value = serde_json::from_str(frame).unwrap();
            assert_eq!(frame["data"]["s"], "BTCUSDT");
        }
    }
}
