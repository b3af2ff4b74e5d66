//! The generated day: eight hours of three Bitcoin markets, with the incidents of a bad one.
//!
//! Three tapes, one per feed, of recorded Binance frames: trades, best quotes, book updates. The
//! prices wander and trend, and lean before they move, so a strategy that reads the book trades.
//! What goes wrong, and when, is in [`Beats`]; above all one feed changes its format without a word,
//! goes on sending, and comes back at another price.
//!
//! Integers only: the same seed writes the same bytes on every machine.

mod beats;
mod noise;
mod price;
#[cfg(test)]
mod tests;
mod venue;
mod write;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use event::{SECOND_NS, Timestamp};
use noise::Noise;
use price::Fair;
use venue::{Act, RULES, Venue};
use write::{Format, Frames};

pub use beats::Beats;

use crate::{FeedError, Market};

/// Friday, 2026-01-16, 08:00 UTC.
const STARTS: Timestamp = Timestamp(1_768_550_400 * SECOND_NS);
/// How far the jumping trade prints from the market.
const JUMP_PPM: i64 = 80_000;
/// Book updates that the gap swallows.
const LOST_UPDATES: u32 = 2;

/// A day to generate.
///
/// ```no_run
/// # fn main() -> Result<(), feed::FeedError> {
/// let plan = feed::day::Day::default().write("demo".as_ref())?;
/// println!("{} frames, trouble at {}", plan.frames, plan.beats.format_changed);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// What its noise grows from.
    pub seed: u64,
    /// Its first instant.
    pub starts: Timestamp,
    /// How long one of its 480 minutes lasts. Shorter ones make a shorter tape: frames come as
    /// densely, the story is faster.
    pub minute_ns: i64,
}

impl Default for Day {
    fn default() -> Self {
        Self { seed: 1, starts: STARTS, minute_ns: 60 * SECOND_NS }
    }
}

/// A day that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayPlan {
    /// The tapes: spot, USD-M, COIN-M.
    pub tapes: Vec<PathBuf>,
    /// When what happens.
    pub beats: Beats,
    /// Lines in all tapes together, the operator's among them.
    pub frames: u64,
    /// How many of them do not parse.
    pub unparseable: u64,
}

impl Day {
    /// When what happens, without writing the day.
    #[must_use]
    pub const fn beats(&self) -> Beats {
        Beats::new(self.starts, self.minute_ns)
    }

    /// Writes the day's tapes into a directory, over those of another day.
    ///
    /// # Errors
    /// [`FeedError::Write`].
    pub fn write(&self, directory: &Path) -> Result<DayPlan, FeedError> {
        let fault = |path: &Path| {
            let path = path.to_path_buf();
            move |source| FeedError::Write { path, source }
        };
        std::fs::create_dir_all(directory).map_err(fault(directory))?;
        let (mut tapes, mut frames) = (Vec::new(), Vec::new());
        for name in ["spot.ws.gz", "usdm.ws.gz", "coinm.ws.gz"] {
            let path = directory.join(name);
            frames.push(Frames::new(File::create(&path).map_err(fault(&path))?));
            tapes.push(path);
        }
        let mut script = Script::new(self);
        script.run(&mut frames).map_err(fault(directory))?;
        let mut plan = DayPlan { tapes, beats: self.beats(), frames: 0, unparseable: 0 };
        for (tape, path) in frames.into_iter().zip(&plan.tapes) {
            plan.frames += tape.written;
            plan.unparseable += tape.unparseable;
            tape.finish().map_err(fault(path))?;
        }
        Ok(plan)
    }
}

/// The day as it goes on, and what of the story has been told.
struct Script {
    beats: Beats,
    minute_ns: i64,
    fair: Fair,
    venues: Vec<Venue>,
    duplicated: bool,
    jumped: bool,
    resumes: u32,
    updates_lost: u32,
    mended: bool,
}

impl Script {
    fn new(day: &Day) -> Self {
        let beats = day.beats();
        let noise = |part: u64| Noise::new(day.seed.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ part);
        let venue = |(rules, part)| Venue::new(rules, beats.starts, noise(part));
        Self {
            beats,
            minute_ns: day.minute_ns,
            fair: Fair::new(beats, noise(0)),
            venues: RULES.into_iter().zip(1..).map(venue).collect(),
            duplicated: false,
            jumped: false,
            resumes: 0,
            updates_lost: 0,
            mended: false,
        }
    }

    fn run(&mut self, frames: &mut [Frames]) -> io::Result<()> {
        let mut venues = core::mem::take(&mut self.venues);
        for (venue, frames) in venues.iter_mut().zip(frames.iter_mut()) {
            let now = self.beats.starts;
            venue.depth(now, &self.fair, true, frames)?;
            venue.snapshot(now, frames)?;
        }
        loop {
            let due = venues.iter_mut().zip(frames.iter_mut()).zip(Market::ALL);
            let Some(((venue, frames), market)) =
                due.min_by_key(|((venue, _), _)| venue.next_due())
            else {
                return Ok(());
            };
            let (now, act) = venue.take_due();
            if now >= self.beats.ends {
                return Ok(());
            }
            self.fair.advance(now);
            self.act(now, act, market, venue, frames)?;
        }
    }

    fn act(
        &mut self,
        now: Timestamp,
        act: Act,
        market: Market,
        venue: &mut Venue,
        frames: &mut Frames,
    ) -> io::Result<()> {
        let format = self.format(now, market);
        if market == Market::Spot {
            self.resume(now, frames)?;
        }
        match act {
            Act::Quote => venue.quote(now, &self.fair, format, frames),
            Act::Trade => {
                let jump_ppm = self.jump(now, market);
                if self.duplicates(now, market) {
                    // Received again a little later: the same trade, byte for byte.
                    let mut again = venue.clone();
                    again.trade(now, &self.fair, jump_ppm, format, frames)?;
                }
                venue.trade(now, &self.fair, jump_ppm, format, frames)
            }
            Act::Depth => {
                let lost = self.loses(now, market);
                venue.depth(now, &self.fair, lost, frames)?;
                if self.mends(now, market) { venue.snapshot(now, frames) } else { Ok(()) }
            }
        }
    }

    /// The USD-M feed changes its format, and changes it again half way through.
    fn format(&self, now: Timestamp, market: Market) -> Format {
        let Beats { format_changed, format_restored, .. } = self.beats;
        if market != Market::UsdMargined || now < format_changed || now >= format_restored {
            return Format::Documented;
        }
        let half = format_restored.since_ns(format_changed) / 2;
        if now.since_ns(format_changed) < half { Format::Renamed } else { Format::Nested }
    }

    fn resume(&mut self, now: Timestamp, frames: &mut Frames) -> io::Result<()> {
        let (at, reason) = match self.resumes {
            0 => (self.beats.operator_resumed, "USD-M feed parses again, books reconciled"),
            1 => (self.beats.operator_resumed_again, "the late fee is booked, cash agrees"),
            _ => return Ok(()),
        };
        if now < at {
            return Ok(());
        }
        self.resumes += 1;
        frames.line(
            at,
            format_args!(
                r#"{{"operator":{{"verb":"RESUME","actor":"duty officer","reason":"{reason}"}}}}"#
            ),
        )
    }

    fn jump(&mut self, now: Timestamp, market: Market) -> i64 {
        let here = market == Market::Spot && !self.jumped && now >= self.beats.price_jump;
        self.jumped |= here;
        if here { JUMP_PPM } else { 0 }
    }

    fn duplicates(&mut self, now: Timestamp, market: Market) -> bool {
        let here = market == Market::Spot && !self.duplicated && now >= self.beats.duplicate;
        self.duplicated |= here;
        here
    }

    fn loses(&mut self, now: Timestamp, market: Market) -> bool {
        let here = market == Market::CoinMargined
            && self.updates_lost < LOST_UPDATES
            && now >= self.beats.sequence_gap;
        self.updates_lost += u32::from(here);
        here
    }

    fn mends(&mut self, now: Timestamp, market: Market) -> bool {
        let here = market == Market::CoinMargined
            && !self.mended
            && now >= self.beats.sequence_gap.plus_ns(self.minute_ns);
        self.mended |= here;
        here
    }
}
