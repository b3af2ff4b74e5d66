//! `cargo xtask soak` and `cargo xtask fuzz`: searches for a fault, long.

use anyhow::{Result, bail};

use crate::{
    proof::{self, Tried},
    sim,
};

/// Decoders that are fuzzed; each has a test with `upset` in its name.
const DECODERS: u64 = 21;
const FUZZ: &str =
    "-p fuzz -p projection -p snapshot -p blotter --lib --tests --no-fail-fast upset";

/// A part of the soak, by its name.
type Part = (&'static str, &'static str, fn(&Asked) -> Result<Tried>);

/// Every part, in the order of the soak.
const PARTS: [Part; 9] = [
    ("sim", "the simulator, seed by seed", |asked| sim::sweep(asked.from, asked.seeds)),
    ("defences", "defences switched off or taken out", |_| sim::defences(1_000)),
    ("disk", "crash points, changed bytes, cuts", |_| {
        let long = ("BLOTTER_SOAK", "1".to_owned());
        let disks = "-p segment -p bus-log -p forensics --lib --no-fail-fast";
        let mut tried = proof::run(disks, &[long])?;
        tried.add(proof::run("-p broker --lib record", &[])?);
        tried.add(proof::run("-p blotter --lib control", &[])?);
        Ok(tried)
    }),
    ("model", "every order of a small world", |_| proof::run("-p bus --lib model", &[])),
    ("kills", "processes killed", |asked| {
        let kills = ("BLOTTER_KILLS", asked.kills.to_string());
        proof::run("-p tests --test it --no-fail-fast kills", &[kills, asked.seed()])
    }),
    ("files", "a full disk, old directories", |_| {
        let mut tried = proof::run("-p tests --test it --no-fail-fast full_disk", &[])?;
        tried.add(proof::run("-p tests --test it --no-fail-fast golden", &[])?);
        Ok(tried)
    }),
    ("fuzz", "changed bytes for every decoder", fuzzed),
    ("nats", "outages of a NATS server and of three", |asked| asked.outages("nats")),
    ("kafka", "outages of a Kafka server and of three", |asked| asked.outages("kafka")),
];

struct Asked {
    parts: Vec<String>,
    from: u64,
    seeds: u64,
    kills: u64,
    inputs: u64,
    outages: u64,
    seed: u64,
}

impl Asked {
    fn read(arguments: &[&str]) -> Result<Self> {
        let mut asked = Self {
            parts: Vec::new(),
            from: 100_000,
            seeds: 100_000,
            kills: 1_000,
            inputs: 1_000_000,
            outages: 10,
            seed: 1,
        };
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            let slot = match *name {
                "--from" => &mut asked.from,
                "--seeds" => &mut asked.seeds,
                "--kills" => &mut asked.kills,
                "--inputs" => &mut asked.inputs,
                "--outages" => &mut asked.outages,
                "--seed" => &mut asked.seed,
                part if PARTS.iter().any(|(name, ..)| *name == part) => {
                    asked.parts.push(part.into());
                    continue;
                }
                other => {
                    let parts: Vec<_> = PARTS.iter().map(|(name, ..)| *name).collect();
                    bail!(
                        "{other} is none of --from, --seeds, --kills, --inputs, --outages, --seed, and no part; \
                         parts are {}",
                        parts.join(", ")
                    )
                }
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

    /// A server's outages, so many times as often as in the test command.
    fn outages(&self, engine: &str) -> Result<Tried> {
        let times = ("BLOTTER_OUTAGES", self.outages.to_string());
        let tests =
            format!("--workspace --features blotter/kafka --test {engine} --no-fail-fast outages");
        proof::run(&tests, &[times])
    }

    fn wants(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|asked| asked == part)
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

/// Runs the long forms one after another, or those named, and says how much each tried. A part that
/// cannot be run at all is a failure of the soak, and the others run all the same.
pub(crate) fn soak(arguments: &[&str]) -> Result<()> {
    let asked = Asked::read(arguments)?;
    let mut tried = Tried::default();
    for (name, what, run) in PARTS.iter().filter(|(name, ..)| asked.wants(name)) {
        println!("{name}: {what}");
        match run(&asked) {
            Ok(more) => tried.add(more),
            Err(error) => tried.failed.push(format!("{name}: {error:#}")),
        }
    }
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
        let asked = Asked::read(&["sim", "--kills", "7", "fuzz"]).unwrap();
        assert_eq!((asked.kills, asked.seeds), (7, 100_000));
        assert!(asked.wants("sim") && asked.wants("fuzz") && !asked.wants("kills"));
        assert!(Asked::read(&[]).unwrap().wants("kills"));
    }
}
