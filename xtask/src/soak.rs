//! `cargo xtask soak` and `cargo xtask fuzz`: searches for a fault, long.

use anyhow::{Result, bail};

use crate::proof::{self, Tried};

/// Decoders that are fuzzed; each has a test with `upset` in its name.
const DECODERS: u64 = 21;
const FUZZ: &str =
    "-p fuzz -p projection -p snapshot -p blotter --lib --tests --no-fail-fast upset";

struct Asked {
    kills: u64,
    inputs: u64,
    seed: u64,
}

impl Asked {
    fn read(arguments: &[&str]) -> Result<Self> {
        let mut asked = Self { kills: 1_000, inputs: 1_000_000, seed: 1 };
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            let slot = match *name {
                "--kills" => &mut asked.kills,
                "--inputs" => &mut asked.inputs,
                "--seed" => &mut asked.seed,
                other => bail!("{other} is none of --kills, --inputs, --seed"),
            };
            *slot = match rest.next().and_then(|text| text.parse().ok()) {
                Some(number) => number,
                None => bail!("{name} takes a number"),
            };
        }
        Ok(asked)
    }

    fn seed(&self) -> (&'static str, String) {
        ("BLOTTER_SEED", self.seed.to_string())
    }
}

/// Gives changed bytes to every decoder.
pub(crate) fn fuzz(arguments: &[&str]) -> Result<()> {
    let asked = Asked::read(arguments)?;
    let tried = fuzzed(&asked)?;
    let sum = |of: fn(&proof::Proof) -> u64| tried.proofs.iter().map(of).sum::<u64>();
    let most = |of: fn(&proof::Proof) -> u64| tried.proofs.iter().map(of).max().unwrap_or(0);
    println!(
        "{}",
        serde_json::json!({
            "inputs": sum(|proof| proof.count),
            "decoders": tried.proofs.len(),
            "accepted": sum(|proof| proof.accepted),
            "most_bytes": most(|proof| proof.most_bytes),
            "slowest_us": most(|proof| proof.slowest_us),
            "seed": asked.seed,
            "failed": tried.failed.len(),
        })
    );
    verdict(&tried)
}

fn fuzzed(asked: &Asked) -> Result<Tried> {
    let each = ("BLOTTER_FUZZ_INPUTS", asked.inputs.div_ceil(DECODERS).to_string());
    let mut tried = proof::run(FUZZ, &[each, asked.seed()])?;
    if tried.failed.is_empty() && tried.proofs.len() as u64 != DECODERS {
        tried.failed.push(format!("{} decoders answered, not {DECODERS}", tried.proofs.len()));
    }
    Ok(tried)
}

/// Runs the long forms one after another and says how much each tried.
pub(crate) fn soak(arguments: &[&str]) -> Result<()> {
    let asked = Asked::read(arguments)?;
    let long = ("BLOTTER_SOAK", "1".to_owned());
    let kills = ("BLOTTER_KILLS", asked.kills.to_string());
    let mut tried = Tried::default();
    for (what, tests, settings) in [
        (
            "crash points, changed bytes, cuts",
            "-p segment -p bus-log -p forensics --lib --no-fail-fast",
            vec![long],
        ),
        ("every order of a small world", "-p bus --lib model", vec![]),
        ("latch and command ring", "-p blotter --lib control", vec![]),
        (
            "processes killed, a full disk, old directories",
            "-p tests --test it --no-fail-fast",
            vec![kills, asked.seed()],
        ),
    ] {
        println!("{what}");
        tried.add(proof::run(tests, &settings)?);
    }
    println!("changed bytes for every decoder");
    tried.add(fuzzed(&asked)?);
    table(&tried);
    let count = tried.proofs.iter().map(|proof| proof.count).sum::<u64>();
    println!(
        "{}",
        serde_json::json!({"tried": count, "seed": asked.seed, "failed": tried.failed.len()})
    );
    verdict(&tried)
}

fn table(tried: &Tried) {
    println!("\n| what | of | tried |\n|---|---|---|");
    for proof in &tried.proofs {
        println!("| {} | {} | {} |", proof.proof, proof.of, proof.count);
    }
    println!();
}

fn verdict(tried: &Tried) -> Result<()> {
    if tried.failed.is_empty() {
        return Ok(());
    }
    bail!("failed: {}", tried.failed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_missing_or_for_nothing_is_refused() {
        assert!(Asked::read(&["--inputs"]).is_err() && Asked::read(&["--many", "3"]).is_err());
        assert_eq!(Asked::read(&["--kills", "7", "--seed", "2"]).unwrap().kills, 7);
    }
}
