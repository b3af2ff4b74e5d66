//! Gives changed bytes to a decoder and watches it.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use crate::{
    memory::most_held,
    mutate::{Chance, mutate},
};

/// Longest a decoder may take over one input.
pub const SLOWEST: Duration = Duration::from_secs(10);

/// Inputs for each decoder where nothing else is asked for.
const INPUTS: u64 = 2_000;

/// A decoder under test.
pub struct Target<'a> {
    /// What it decodes.
    pub name: &'a str,
    /// Good inputs.
    pub corpus: Vec<Vec<u8>>,
    /// Bytes it may hold at once beyond 64 for each byte of its input.
    pub memory_bytes: usize,
    /// Makes checksums right again, so that what lies behind them is reached; on every other input.
    pub repair: fn(&mut [u8]),
}

impl Target<'_> {
    /// A decoder without checksums that needs little memory.
    #[must_use]
    pub fn new(name: &str, corpus: Vec<Vec<u8>>) -> Target<'_> {
        Target { name, corpus, memory_bytes: 1 << 20, repair: |_| {} }
    }

    /// Gives it the corpus, then changed inputs. `decode` says whether it accepted one.
    ///
    /// # Panics
    /// When the decoder panicked, took too long or held too much; the input is kept.
    pub fn run(mut self, mut decode: impl FnMut(&[u8]) -> bool) {
        assert!(!self.corpus.is_empty(), "{}: nothing to begin with", self.name);
        self.corpus.extend(committed(self.name));
        let (inputs, seed) = (asked("BLOTTER_FUZZ_INPUTS", INPUTS), asked("BLOTTER_SEED", 1));
        let mut chance = Chance::of(seed);
        let (mut accepted, mut most, mut slowest) = (0_u64, 0, Duration::ZERO);
        let watch = Watch::start(self.name);
        let unchanged = self.corpus.len() as u64;
        for number in 0..unchanged + inputs {
            let input = match self.corpus.get(number as usize) {
                Some(good) => good.clone(),
                None => self.changed(&mut chance),
            };
            watch.begin(&input);
            let began = now();
            let (outcome, held) = most_held(|| catch_unwind(AssertUnwindSafe(|| decode(&input))));
            slowest = slowest.max(began.elapsed());
            most = most.max(held);
            let Ok(is_accepted) = outcome else { fail(self.name, &input, "it panicked") };
            accepted += u64::from(is_accepted);
            if held > self.memory_bytes + 64 * input.len() {
                fail(self.name, &input, &format!("it held {held} bytes for {}", input.len()));
            }
        }
        drop(watch);
        println!(
            "{{\"proof\":\"fuzz inputs\",\"of\":\"{}\",\"count\":{inputs},\"accepted\":{accepted},\
             \"most_bytes\":{most},\"slowest_us\":{}}}",
            self.name,
            slowest.as_micros()
        );
    }

    fn changed(&self, chance: &mut Chance) -> Vec<u8> {
        let mut bytes = self.corpus[chance.below(self.corpus.len())].clone();
        let other = &self.corpus[chance.below(self.corpus.len())];
        for _ in 0..1 + chance.below(5) {
            mutate(&mut bytes, other, chance);
        }
        if chance.below(2) == 0 {
            (self.repair)(&mut bytes);
        }
        bytes
    }
}

fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn fail(name: &str, input: &[u8], what: &str) -> ! {
    let kept = keep(name, input);
    panic!("{name}: {what}; the input is in {}", kept.display());
}

fn keep(name: &str, input: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz");
    let path = folder.join(format!("{}-{}", name.replace(' ', "-"), input.len()));
    fs::create_dir_all(&folder).and_then(|()| fs::write(&path, input)).expect("a kept input");
    path
}

/// Inputs that were found once, or that say something no other does.
fn committed(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name.replace(' ', "-"));
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a corpus").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("an input of the corpus")).collect()
}

/// Ends the process when one input takes too long: a decoder that hangs cannot be stopped otherwise.
struct Watch(std::sync::mpsc::Sender<Vec<u8>>);

impl Watch {
    fn start(name: &str) -> Self {
        let (begun, received) = channel::<Vec<u8>>();
        let name = name.to_owned();
        let _ = thread::spawn(move || {
            let mut current = Vec::new();
            loop {
                match received.recv_timeout(SLOWEST) {
                    Ok(input) => current = input,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        let kept = keep(&name, &current);
                        eprintln!("{name}: it hangs; the input is in {}", kept.display());
                        std::process::exit(101);
                    }
                }
            }
        });
        Self(begun)
    }

    fn begin(&self, input: &[u8]) {
        let _ = self.0.send(input.to_vec());
    }
}

#[expect(clippy::disallowed_methods, reason = "a decoder that is slow is told of")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "it panicked")]
    fn a_decoder_that_panics_is_found() {
        let target = Target::new("self test panic", vec![b"abcdef".to_vec()]);
        target.run(|bytes| bytes.first().copied() != Some(b'a') && bytes[3] > 0);
    }

    #[test]
    #[should_panic(expected = "it held")]
    fn a_decoder_that_believes_a_length_is_found() {
        let target = Target::new("self test memory", vec![vec![1, 2, 3, 4, 5, 6, 7, 8]]);
        target.run(|bytes| {
            let Some(length) = bytes.first_chunk().copied().map(u32::from_le_bytes) else {
                return false;
            };
            Vec::<u8>::with_capacity(length as usize).capacity() > 0
        });
    }

    #[test]
    fn the_same_seed_gives_the_same_inputs() {
        let inputs = || {
            let mut seen = Vec::new();
            let target = Target::new("self test seed", vec![b"abcdef".to_vec()]);
            target.run(|bytes| {
                seen.push(bytes.to_vec());
                true
            });
            seen
        };
        assert_eq!(inputs(), inputs());
    }
}
